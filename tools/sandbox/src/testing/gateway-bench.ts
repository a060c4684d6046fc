import { createServer, get } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { DataDir } from '../data-dir.ts';
import { startGateway } from '../system/gateway.ts';
import { openTokenSigner } from '../system/token-signer.ts';
import type { TokenSigner } from '../system/token-signer.ts';

/** A service of the test: what it was asked, and how it answers just now. */
export interface FakeService {
  readonly server: Server;
  readonly port: number;
  readonly asked: IncomingMessage[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

export const ok: FakeService['answer'] = (_request, response) => response.end('{}');

async function fakeService(): Promise<FakeService> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    fake.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const fake: FakeService = { server, port: address.port, asked, answer: ok };
  return fake;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** A gateway with its services and keys. */
export interface GatewayBench {
  readonly tokens: TokenSigner;
  readonly order: FakeService;
  readonly user: FakeService;
  readonly call: (method: string, path: string, headers?: Record<string, string>) => Promise<Answer>;
  readonly callAtOnce: (count: number, one: (index: number) => Promise<Answer>) => Promise<readonly Answer[]>;
  /** A GET of the path as it stands: `fetch` would tidy it up first. */
  readonly statusOfRaw: (path: string, headers: Record<string, string>) => Promise<number | undefined>;
  readonly bearer: () => Promise<{ readonly authorization: string }>;
  stop(): Promise<void>;
}

/** `meanwhile` runs while the gateway starts. */
export async function startGatewayBench(
  envoy: string,
  meanwhile?: (place: { readonly dataDir: DataDir; readonly tokens: TokenSigner }) => Promise<void>,
): Promise<GatewayBench> {
  const dataDir = await DataDir.temporary();
  const tokens = await openTokenSigner(dataDir);
  const [order, user] = [await fakeService(), await fakeService()];
  const servicePorts = { order: order.port, user: user.port };
  const [gateway] = await Promise.all([
    startGateway({ dataDir, envoy, servicePorts, jwksFile: tokens.jwksFile }),
    meanwhile?.({ dataDir, tokens }),
  ]);
  return {
    tokens,
    order,
    user,
    async call(method, path, headers = {}) {
      const response = await fetch(`${gateway.url}${path}`, { method, headers });
      return { status: response.status, headers: response.headers, body: await response.text() };
    },
    callAtOnce: (count, one) => Promise.all(Array.from({ length: count }, (_, index) => one(index))),
    statusOfRaw: (path, headers) =>
      new Promise((resolve, reject) => {
        const request = get(gateway.url, { path, headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on('error', reject);
      }),
    bearer: async () => ({ authorization: `Bearer ${await tokens.token({ customerId: 'grace' })}` }),
    async stop() {
      await gateway.stop();
      for (const { server } of [order, user]) {
        server.close();
        server.closeAllConnections();
      }
      dataDir.close({ remove: true });
    },
  };
}
