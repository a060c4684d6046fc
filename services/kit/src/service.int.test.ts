import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { replySchema, type Reply } from '@sagamesh/contracts/messages';
import { commandSubject, streamNames } from '@sagamesh/contracts/subjects';
import { createLogger } from '@sagamesh/runtime/logger';
import { openNatsBroker, type NatsBroker } from '@sagamesh/runtime/nats-broker';
import { deferred } from '@sagamesh/runtime/testing/collector';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { freePort } from '@sagamesh/sandbox/free-port';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { natsEnvironment } from '@sagamesh/sandbox/nats-users';
import { readServiceConfig } from './service-config.ts';
import { runService, type RunningService, type ServiceDefinition } from './service.ts';
import { onEventAtLeastOnce } from './inbox.ts';
import { commandBuilder } from './testing/command-builder.ts';
import { localStep } from './testing/local-step.ts';

let dataDir: DataDir;
let nats: NatsServer;
let client: NatsBroker;
let folder: string;
const replies: Reply[] = [];
const events: string[] = [];
const running: RunningService[] = [];
const exits: number[] = [];

/** Signals go to the test's own process, not to the service. */
const host: NonNullable<ServiceDefinition['host']> = {
  on: () => undefined,
  exit: (code) => void exits.push(code),
};

const env = () => ({
  ...natsEnvironment(nats.admin),
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'silent',
  SHUTDOWN_TIMEOUT_MILLIS: '5000',
  DATABASE_URL: `pglite:${join(folder, 'stock')}`,
});

async function start(): Promise<RunningService> {
  const service = await runService({
    name: 'stock',
    config: readServiceConfig({}, { env: env() }),
    host,
    migrations: [
      { id: '001-ledger', sql: 'create table ledger(saga_uid uuid not null, kind text not null)' },
    ],
    steps: () => [localStep().step],
    routes: (router, { db }) => {
      router.get('/api/v1/ledger', async (_request, response) => {
        response.json((await db.query('select kind from ledger order by kind')).rows);
      });
    },
  });
  running.push(service);
  return service;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sagamesh-service-'));
  dataDir = await DataDir.temporary();
  nats = await startNats({ dataDir });
  client = openNatsBroker({
    ...nats.admin,
    name: 'test',
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
  await client.ready();
  await client.tail(streamNames.replies, 'saga.reply.stock', (message) => {
    replies.push(replySchema.parse(JSON.parse(new TextDecoder().decode(message.body))));
  });
  await client.tail(streamNames.events, 'events.inventory.>', (message) => void events.push(message.subject));
});

afterAll(async () => {
  await Promise.all(running.map((service) => service.stop()));
  await client.close();
  await nats.stop();
  dataDir.close({ remove: true });
  await rm(folder, { recursive: true, force: true });
});

const saga = commandBuilder({ step: 'reserveInventory', action: 'reserve' });
const send = (command = saga()) =>
  client.publish({
    subject: commandSubject('stock', command.action),
    body: command,
    messageId: command.commandId,
  });

test('a service takes commands, answers, publishes its events and tells how it is', async () => {
  const service = await start();
  await send();
  await expect.poll(() => replies.map((reply) => reply.outcome)).toEqual(['Executed']);
  await expect.poll(() => events).toEqual(['events.inventory.rejected']);
  const health = await fetch(`${service.url}/health`);
  expect([health.status, await health.json()]).toEqual([
    200,
    expect.objectContaining({
      status: 'healthy',
      checks: {
        database: expect.objectContaining({ status: 'healthy' }),
        cache: expect.objectContaining({ status: 'healthy' }),
        broker: expect.objectContaining({ status: 'healthy' }),
      },
    }),
  ]);
  expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  expect(await (await fetch(`${service.url}/api/v1/ledger`)).json()).toEqual([{ kind: 'applied' }]);
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  expect(metrics).toMatch(/saga_command_duration_seconds_count\{[^}]*outcome="Executed"[^}]*\} 1/);
  expect(metrics).toContain('outbox_unpublished');
});

test('stopped and started again it knows what it did: the repeated command gets the stored reply', async () => {
  await running.at(-1)?.stop();
  expect(exits).toEqual([0]);
  await send();
  const service = await start();
  await expect.poll(() => replies.length, { timeout: 10_000 }).toBe(2);
  expect(replies[1]).toMatchObject({ outcome: 'Executed', result: replies[0]?.result });
  expect(await (await fetch(`${service.url}/api/v1/ledger`)).json()).toEqual([{ kind: 'applied' }]);
});

test('a stateless service has no database check, and says so when its author reaches for one', async () => {
  const mails: string[] = [];
  const service = await runService({
    name: 'mailer',
    config: readServiceConfig({}, { database: false, env: { ...env(), DATABASE_URL: '' } }),
    host,
    events: () => [
      onEventAtLeastOnce('inventory.rejected', async (event) => void mails.push(event.aggregateId)),
    ],
  });
  running.push(service);
  const health = await (await fetch(`${service.url}/health`)).json();
  const healthy = expect.objectContaining({ status: 'healthy' });
  expect(health).toMatchObject({ status: 'healthy' });
  expect(Reflect.get(Object(health), 'checks')).toEqual({ broker: healthy, cache: healthy });
  expect(() => service.deps.db.query('select 1')).toThrow('mailer has no migrations');
  const other = commandBuilder({ step: 'reserveInventory', action: 'reserve' })();
  await send(other);
  await expect.poll(() => mails, { timeout: 10_000 }).toEqual([other.orderId]);
});

test('while the database is prepared, requests are told to come back and probes tell the truth', async () => {
  const seeding = deferred();
  const arrived = deferred();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const starting = runService({
    name: 'late',
    config: readServiceConfig({}, { env: { ...env(), PORT: String(port), DATABASE_URL: 'pglite:memory' } }),
    host,
    migrations: [],
    seed: async () => {
      arrived.resolve();
      await seeding.promise;
    },
    routes: (router) => {
      router.get('/api/v1/late', (_request, response) => void response.json({ late: true }));
    },
  });
  await arrived.promise;
  const early = await fetch(`${url}/api/v1/late`);
  expect([early.status, early.headers.get('retry-after'), early.headers.get('content-type')]).toEqual([
    503,
    '1',
    expect.stringContaining('application/problem+json'),
  ]);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  seeding.resolve();
  running.push(await starting);
  expect((await fetch(`${url}/api/v1/late`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('a changed migration keeps the service from starting, and everything is closed again', async () => {
  await running[1]?.stop();
  const attempt = runService({
    name: 'stock',
    config: readServiceConfig({}, { env: env() }),
    host,
    migrations: [{ id: '001-ledger', sql: 'create table ledger()' }],
  });
  await expect(attempt).rejects.toThrow('migration 001-ledger was changed');
  expect(exits.at(-1)).toBe(1);
  const again = await start();
  expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
});
