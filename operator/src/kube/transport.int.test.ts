import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { type Credentials, loadClusterAccess } from './cluster-access.ts';
import { VirtualClock } from './testing/virtual-clock.ts';
import { type Transport, createTransport } from './transport.ts';

const widgets = { group: 'kube.test', version: 'v1', plural: 'widgets' };
const ref = { namespace: 'ns', name: 'a' };

let server: Server;
let transport: Transport;

afterEach(async () => {
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

type Setup = {
  readonly credentials?: () => Credentials;
  readonly connectionsMax?: number;
  readonly clock?: VirtualClock;
};

async function setUp(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  options: Setup = {},
) {
  const sockets = new Set<Socket>();
  server = createServer(handle);
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const access = {
    serverUrl: `http://127.0.0.1:${port}`,
    credentials: () => Promise.resolve(options.credentials?.() ?? { headers: {}, tls: {} }),
  };
  const { credentials: _credentials, ...rest } = options;
  transport = createTransport(access, rest);
  return { sockets, client: createKubeClient(transport, { limiter: 'off' }) };
}

function answerObject(response: ServerResponse, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end('{"metadata":{"name":"a"}}');
}

describe('connections', () => {
  test('500 writes share at most 16 of them', async () => {
    const { sockets, client } = await setUp((_request, response) => answerObject(response));
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 50 }, () => client.mergePatch(widgets, ref, {})));
    }
    expect(sockets.size).toBeLessThanOrEqual(16);
  });

  test('a flood that fills the bulk lane leaves room for a Lease renewal', async () => {
    const held: ServerResponse[] = [];
    const { client } = await setUp(
      (request, response) => {
        if (request.method === 'PATCH') held.push(response);
        else answerObject(response);
      },
      { connectionsMax: 1 },
    );
    const stuck = [1, 2, 3].map(() => client.mergePatch(widgets, ref, {}));
    await expect.poll(() => held.length).toBe(1);
    const reserved = createKubeClient(transport, { limiter: 'off', lane: 'reserved' });
    expect((await reserved.update(widgets, ref, {})).metadata.name).toBe('a');
    for (let released = 0; released < 3; released += 1) {
      await expect.poll(() => held.length).toBe(released + 1);
      const response = held[released];
      if (response !== undefined) answerObject(response);
    }
    expect(await Promise.all(stuck)).toHaveLength(3);
  });

  test('nobody listening is status 0, Unreachable', async () => {
    await setUp((_request, response) => answerObject(response));
    await transport.close();
    const gone = {
      serverUrl: 'http://127.0.0.1:1',
      credentials: () => Promise.resolve({ headers: {}, tls: {} }),
    };
    transport = createTransport(gone);
    const call = createKubeClient(transport).create(widgets, 'ns', {});
    await expect(call).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
  });

  test('an answer that breaks off half-way is an error, in a request and in a watch', async () => {
    const { client } = await setUp((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"type":"ADDED"}\n', () => setImmediate(() => response.destroy()));
    });
    await expect(client.mergePatch(widgets, ref, {})).rejects.toMatchObject({
      status: 0,
      reason: 'Unreachable',
    });
    const lines = await client.watch(
      widgets,
      { resourceVersion: '1', timeoutSeconds: 1 },
      new AbortController().signal,
    );
    const seen: string[] = [];
    const reading = (async () => {
      for await (const line of lines) seen.push(line);
    })();
    await expect(reading).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
    expect(seen).toEqual(['{"type":"ADDED"}']);
  });

  test('an aborted watch closes its connection', async () => {
    const { client, sockets } = await setUp((_request, response) => {
      response.writeHead(200);
      response.write('{"type":"BOOKMARK"}\n');
    });
    const controller = new AbortController();
    const lines = await client.watch(widgets, { resourceVersion: '1', timeoutSeconds: 1 }, controller.signal);
    const first = await readFirst(lines);
    expect(first).toBe('{"type":"BOOKMARK"}');
    controller.abort();
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });
});

describe('credentials', () => {
  test('a rotated token is read again after 30 s, and at once after a 401', async () => {
    const seen: string[] = [];
    let token = 'one';
    const clock = new VirtualClock();
    const { client } = await setUp(
      (request, response) => {
        seen.push(request.headers.authorization ?? '');
        answerObject(response, request.headers.authorization === 'Bearer revoked' ? 401 : 200);
      },
      { clock, credentials: () => ({ headers: { authorization: `Bearer ${token}` }, tls: {} }) },
    );
    await client.get(widgets, ref);
    token = 'revoked';
    await client.get(widgets, ref);
    await clock.advance(30_000);
    await expect(client.get(widgets, ref)).rejects.toMatchObject({ status: 401 });
    token = 'three';
    await client.get(widgets, ref);
    expect(seen).toEqual(['Bearer one', 'Bearer one', 'Bearer revoked', 'Bearer three']);
  });

  test('a new CA means new connections, the same CA does not', async () => {
    let ca = 'first';
    const clock = new VirtualClock();
    const { client, sockets } = await setUp((_request, response) => answerObject(response), {
      clock,
      credentials: () => ({ headers: {}, tls: { ca } }),
    });
    for (let round = 0; round < 3; round += 1) {
      await client.get(widgets, ref);
      await clock.advance(30_000);
    }
    expect(sockets.size).toBe(1);
    ca = 'second';
    await client.get(widgets, ref);
    expect(sockets.size).toBe(2);
  });
});

test('a kubeconfig gives server, CA, client certificate and token', async () => {
  await setUp((_request, response) => answerObject(response));
  const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  const path = join(folder, 'config');
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
    clusters: [
      {
        name: 'c',
        cluster: { server: 'https://127.0.0.1:6443/', 'certificate-authority-data': encode('CA') },
      },
    ],
    users: [
      {
        name: 'u',
        user: {
          token: 'secret',
          'client-certificate-data': encode('CERT'),
          'client-key-data': encode('KEY'),
        },
      },
    ],
  };
  writeFileSync(path, JSON.stringify(config));
  const access = loadClusterAccess({ kubeconfig: path });
  rmSync(folder, { recursive: true });
  expect(access.serverUrl).toBe('https://127.0.0.1:6443');
  expect(await access.credentials()).toMatchObject({
    headers: { authorization: 'Bearer secret' },
    tls: { ca: 'CA', cert: 'CERT', key: 'KEY' },
  });
});

async function readFirst(lines: AsyncIterable<string>): Promise<string | undefined> {
  for await (const line of lines) return line;
  return undefined;
}
