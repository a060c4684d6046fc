import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { replySchema } from '@sagamesh/contracts/messages';
import { headerNames, messageBytesMax } from '@sagamesh/contracts/subjects';
import { createLogger } from '@sagamesh/runtime/logger';
import { startCommandServer } from './command-server.ts';
import type { Db } from './db.ts';
import { createFence } from './fence.ts';
import { createOutbox } from './outbox.ts';
import { commandBuilder } from './testing/command-builder.ts';
import { localStep } from './testing/local-step.ts';
import { brokerAway, MemoryBroker } from './testing/memory-broker.ts';
import { openTestDatabase } from './testing/test-database.ts';

let db: Db;
let broker: MemoryBroker;
const subject = 'saga.cmd.stock.reserve';
const logger = createLogger({ name: 'test', level: 'silent' });

beforeAll(async () => {
  db = await openTestDatabase('pglite', [
    { id: 'ledger', sql: 'create table ledger(saga_uid uuid not null, kind text not null)' },
  ]);
});
afterAll(() => db.close());

beforeEach(async () => {
  broker = new MemoryBroker();
  const fence = createFence({ service: 'stock', db, outbox: createOutbox() });
  await startCommandServer({
    service: 'stock',
    broker,
    fence,
    steps: [localStep().step],
    logger,
    concurrency: 4,
  });
});

const saga = () => commandBuilder({ step: 'reserveInventory', action: 'reserve' });

test('each action has one durable consumer that begins with what is new', () => {
  const seen = broker.consumers.map((spec) => [
    spec.consumer,
    spec.filterSubject,
    spec.deliver,
    spec.concurrency,
  ]);
  expect(seen).toEqual([
    ['stock-reserve', 'saga.cmd.stock.reserve', 'new', 4],
    ['stock-release', 'saga.cmd.stock.release', 'new', 4],
  ]);
});

test('a command is answered on the reply subject without a message id, in its context, and acknowledged', async () => {
  const command = saga()();
  const headers = { [headerNames.correlationId]: 'abc-1' };
  expect(await broker.deliver(subject, command, { headers })).toEqual({ kind: 'ack' });
  const [reply] = broker.on('saga.reply.stock');
  expect(replySchema.parse(reply?.body)).toMatchObject({ commandId: command.commandId, outcome: 'Executed' });
  expect(reply?.messageId).toBeUndefined();
  expect(reply?.headers).toMatchObject({ [headerNames.correlationId]: 'abc-1' });
  const { rows } = await db.query('select correlation_id from outbox where aggregate_id = $1', [
    command.orderId,
  ]);
  expect(rows).toEqual([{ correlation_id: 'abc-1' }]);
});

test('without a correlation id the saga is its own', async () => {
  const command = saga()();
  await broker.deliver(subject, command);
  expect(broker.on('saga.reply.stock')[0]?.headers).toMatchObject({
    [headerNames.correlationId]: command.sagaUid,
  });
});

test('a failed step is answered and acknowledged: retries belong to the operator', async () => {
  expect(await broker.deliver(subject, saga()({ with: { do: 'throw' } }))).toEqual({ kind: 'ack' });
  expect(broker.on('saga.reply.stock')[0]?.body).toMatchObject({ outcome: 'Failed' });
});

test('a reply that cannot be sent brings the command back later, and the fence answers the same', async () => {
  const command = saga()();
  broker.beforePublish = async () => brokerAway();
  expect(await broker.deliver(subject, command, { deliveryCount: 3 })).toEqual({
    kind: 'retry',
    delayMillis: 4_000,
  });
  broker.beforePublish = async () => undefined;
  expect(await broker.deliver(subject, command)).toEqual({ kind: 'ack' });
  expect(broker.on('saga.reply.stock')[0]?.body).toMatchObject({ outcome: 'Executed' });
});

const text = (body: string) => new TextEncoder().encode(body);
test.each([
  ['broken JSON', () => text('{"a":'), 'Malformed'],
  ['a missing field', () => ({ ...saga()(), sagaUid: undefined }), 'Malformed'],
  ['an unknown version', () => ({ ...saga()(), version: 99 }), 'UnknownVersion'],
  ['a huge body', () => text(`{"a":"${'x'.repeat(messageBytesMax)}"}`), 'Oversized'],
  ['another action than the subject', () => saga()({ action: 'settle' }), 'UnknownAction'],
  ['an action that does not go this way', () => saga()({ direction: 'compensate' }), 'UnknownAction'],
])('%s goes to the dead letters as it stands and is acknowledged', async (_name, make, reason) => {
  const body = make();
  expect(await broker.deliver(subject, body)).toEqual({ kind: 'ack' });
  const [letter] = broker.on('dlq.stock');
  expect(letter?.headers).toMatchObject({
    [headerNames.deadLetterReason]: reason,
    [headerNames.deadLetterSubject]: subject,
  });
  const sent = body instanceof Uint8Array ? body : text(JSON.stringify(body));
  expect(letter?.body).toEqual(sent);
  expect(broker.on('saga.reply.stock')).toEqual([]);
});

test('while dead letters cannot be stored the message is not acknowledged', async () => {
  broker.beforePublish = async () => brokerAway();
  expect(await broker.deliver(subject, text('?'))).toEqual({ kind: 'retry', delayMillis: 1_000 });
});
