/** Sends a batch of HTTP requests at once, and talks a few bytes of TCP: what a client of the suite does, in whichever pod it is. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { MeshAnswer, MeshRequest, TcpExchange } from './mesh-site.ts';

/** Longer than every timeout of the mesh, so that those are what a test sees. */
const patienceMillis = 120_000;

/** Each on a connection of its own. Resolves when the last one is answered; never rejects. */
export async function sendRequests(requests: readonly MeshRequest[]): Promise<readonly MeshAnswer[]> {
  return Promise.all(requests.map((request) => sendRequest(request)));
}

function sendRequest(request: MeshRequest): Promise<MeshAnswer> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, headers: {}, body: '', error: error.message });
    const headers = {
      ...(request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }),
      ...request.headers,
    };
    const call = httpRequest(request.url, { method: request.method ?? 'GET', headers, agent: false });
    call.setTimeout(patienceMillis, () => call.destroy(new Error('no answer in time')));
    call.once('error', fail);
    call.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', fail);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: flatHeaders(response.headers),
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    call.end(request.body);
  });
}

/** Several values of one header, separated by commas. */
export function flatHeaders(headers: NodeJS.Dict<string | string[]>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

/** The first bytes that come back; empty when the other side ends the connection without any, or refuses it. */
export function exchangeTcp({ host, port, send }: TcpExchange): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => socket.write(Buffer.from(send, 'latin1')));
    const done = (text: string): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(patienceMillis, () => done(''));
    socket.once('data', (bytes) => done(bytes.toString('latin1')));
    socket.once('error', () => done(''));
    socket.once('close', () => done(''));
  });
}
