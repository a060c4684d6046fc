import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { readCall } from './http-exchange.ts';
import { openJournal } from './journal.ts';
import { applyEntry, emptyLedger } from './ledger-state.ts';
import type { Outcome } from './payment-provider.ts';
import { PaymentProvider } from './payment-provider.ts';
import { readOut } from './ledger-read-out.ts';

export interface PaymentProviderConfig {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** The ledger: JSON lines, appended and synced before each answer. */
  readonly file: string;
  /** What clients send as `Authorization: Bearer <key>`. */
  readonly key: string;
  readonly slowMillis: number;
  readonly silenceMillis: number;
}

export interface RunningPaymentProvider {
  readonly url: string;
  close(): Promise<void>;
}

const bodyBytesMax = 65_536;

/** A payment provider in Stripe's shape, for demos, tests and drills. Card numbers never come here: payment methods are names. */
export async function startPaymentProvider(config: PaymentProviderConfig): Promise<RunningPaymentProvider> {
  const { journal, entries } = await openJournal(config.file);
  const state = emptyLedger();
  for (const entry of entries) applyEntry(state, entry);
  const provider = new PaymentProvider(state, journal, {
    slowMillis: config.slowMillis,
    silenceMillis: config.silenceMillis,
    now: Date.now,
    newId: (prefix) => `${prefix}_${randomBytes(12).toString('hex')}`,
    delay: (millis) => delay(millis),
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://provider');
    if (request.method === 'GET' && url.pathname === '/healthz') return send(response, 200, { status: 'ok' });
    if (request.method === 'GET' && url.pathname === '/ledger') {
      await journal.settled();
      return send(response, 200, readOut(state));
    }
    const body = await readBody(request);
    if (body === undefined) {
      return send(response, 413, {
        error: { type: 'invalid_request_error', message: 'The body is too large.' },
      });
    }
    const key = request.headers['idempotency-key'];
    const read = readCall(
      {
        method: request.method ?? '',
        path: url.pathname,
        query: url.search.slice(1),
        body,
        authorization: request.headers.authorization,
        idempotencyKey: typeof key === 'string' ? key : undefined,
      },
      config.key,
    );
    if (read.kind === 'refused') return send(response, read.answer.status, read.answer.body);
    const outcome = await provider.handle(read.request);
    deliver(response, outcome);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // The ledger could not be written or a rule threw: say nothing that may be untrue.
      console.error('payment provider: request failed', error);
      if (!response.headersSent)
        send(response, 500, { error: { type: 'api_error', message: 'Internal error.' } });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;

  return {
    url: `http://${config.host}:${port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await journal.close();
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

function deliver(response: ServerResponse, outcome: Outcome): void {
  if (outcome.kind === 'silence') {
    const timer = setTimeout(() => response.destroy(), Math.max(0, outcome.untilMillis - Date.now()));
    timer.unref();
    response.once('close', () => clearTimeout(timer));
    return;
  }
  if (outcome.replayed) response.setHeader('idempotent-replayed', 'true');
  sendText(response, outcome.status, outcome.body);
}

function send(response: ServerResponse, status: number, body: object): void {
  sendText(response, status, JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, body: string): void {
  response.setHeader('request-id', `req_${randomBytes(8).toString('hex')}`);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}
