import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';

export interface RunningHttp {
  readonly url: string;
  close(): Promise<void>;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: object;
}

const bodyBytesMax = 65_536;

/** A loopback HTTP server of few words: JSON out, text in. Port 0 = any free one. */
export async function listenHttp(
  host: string,
  port: number,
  handle: (request: IncomingMessage, body: string) => JsonAnswer | Promise<JsonAnswer>,
): Promise<RunningHttp> {
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) =>
        body === undefined ? { status: 413, body: { error: 'too large' } } : handle(request, body),
      )
      .then((answer) => send(response, answer))
      .catch((error: unknown) => {
        console.error('sink: request failed', error);
        send(response, { status: 500, body: { error: 'internal error' } });
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host}:${boundPort}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, answer: JsonAnswer): void {
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer.body));
}
