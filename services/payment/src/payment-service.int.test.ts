import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { replySchema, type Reply } from '@sagamesh/contracts/messages';
import { commandSubject, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import { commandBuilder } from '@sagamesh/kit/testing/command-builder';
import {
  startProviderProcess,
  type ProviderProcess,
} from '@sagamesh/payment-provider/testing/provider-process';
import { openNatsBroker, type NatsBroker } from '@sagamesh/runtime/nats-broker';
import { silentLogger } from '@sagamesh/runtime/testing/silent-logger';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { freePort } from '@sagamesh/sandbox/free-port';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { natsEnvironment } from '@sagamesh/sandbox/nats-users';
import { openTokenSigner, type TokenSigner } from '@sagamesh/sandbox/system/token-signer';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** The service as a process: wiring, configuration and the way of one payment over NATS and HTTP. */

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const key = 'sk_test_process';
const saga = commandBuilder({ step: 'processPayment', action: 'charge' });
const replies: Reply[] = [];

let dataDir: DataDir;
let nats: NatsServer;
let provider: ProviderProcess;
let broker: NatsBroker;
let tokens: TokenSigner;
let service: ChildProcess;
let url: string;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  nats = await startNats({ dataDir });
  provider = await startProviderProcess(dataDir.file('provider', 'ledger.jsonl'), {
    PAYMENT_PROVIDER_KEY: key,
  });
  tokens = await openTokenSigner(dataDir);
  broker = openNatsBroker({ ...nats.admin, name: 'test', logger: silentLogger });
  broker.keepStreams(['payment']);
  await broker.tail(streamNames.replies, replySubject('payment'), (message) => {
    replies.push(replySchema.parse(JSON.parse(Buffer.from(message.body).toString('utf8'))));
  });
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  service = start({
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    PORT: String(port),
    ...natsEnvironment(nats.login('payment')),
    NATS_MAKE_STREAMS: 'off',
    DATABASE_URL: 'pglite:memory',
    JWKS_FILE: tokens.jwksFile,
    PAYMENT_PROVIDER_URL: provider.url,
    PAYMENT_PROVIDER_KEY: key,
  });
  await waitUntil(async () => (await fetch(`${url}/readyz`)).status === 200, {
    timeoutMillis: 60_000,
    what: 'the payment service to be ready',
  });
});
afterAll(async () => {
  service.kill('SIGTERM');
  if (service.exitCode === null) await once(service, 'exit');
  await broker.close();
  await provider.kill();
  await nats.stop();
  dataDir.close({ remove: true });
});

function start(env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', main], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

async function readPayment(orderId: string, roles: readonly string[] = ['admin']): Promise<Response> {
  const token = await tokens.token({ customerId: 'auditor', roles });
  return fetch(`${url}/api/v1/payments/${orderId}`, { headers: { authorization: `Bearer ${token}` } });
}

test('a charge that comes over NATS is answered, and its payment can be read over HTTP', async () => {
  const command = saga();
  await broker.publish({ subject: commandSubject('payment', 'charge'), body: command });
  await expect
    .poll(() => replies.filter((reply) => reply.sagaUid === command.sagaUid), { timeout: 20_000 })
    .toMatchObject([{ outcome: 'Executed', commandId: command.commandId }]);
  const paymentId = replies.find((reply) => reply.sagaUid === command.sagaUid)?.result['paymentId'];
  const response = await readPayment(command.orderId);
  expect(await response.json()).toMatchObject({
    orderId: command.orderId,
    payments: [{ paymentId, status: 'captured', amountCents: 4_999, currency: 'EUR' }],
    ledger: [{ paymentId, kind: 'captured', amountCents: 4_999, currency: 'EUR' }],
  });
});

test('an order without payment is a 404 problem', async () => {
  const response = await readPayment('order-nobody-placed');
  expect(response.status).toBe(404);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect(await response.json()).toMatchObject({ status: 404 });
});

test('payments are for the role admin, and for nobody without a token', async () => {
  expect((await readPayment('order-nobody-placed', [])).status).toBe(403);
  expect((await fetch(`${url}/api/v1/payments/order-nobody-placed`)).status).toBe(401);
});

test('a wrong configuration is told with all its problems, and the process ends with code 2', async () => {
  const wrong = start({ PAYMENT_PROVIDER_URL: 'ftp://x', PAYMENT_TIMEOUT_MILLIS: '5s', NATS_URL: nats.url });
  const said: string[] = [];
  wrong.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  const [code] = await once(wrong, 'close');
  expect(code).toBe(2);
  for (const name of [
    'DATABASE_URL',
    'PAYMENT_PROVIDER_URL',
    'PAYMENT_PROVIDER_KEY',
    'PAYMENT_TIMEOUT_MILLIS',
    'JWKS_FILE',
  ]) {
    expect(said.join('')).toContain(name);
  }
});
