import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DomainEvent } from '@sagamesh/contracts/domain-events';
import { headerNames } from '@sagamesh/contracts/subjects';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { createLogger } from '@sagamesh/runtime/logger';
import type { Db } from './db.ts';
import { startEventConsumers } from './event-consumer.ts';
import { onEvent, onEventAtLeastOnce } from './inbox.ts';
import { createOutbox } from './outbox.ts';
import { MemoryBroker } from './testing/memory-broker.ts';
import { openTestDatabase } from './testing/test-database.ts';

let db: Db;
let broker: MemoryBroker;
let trouble: Error | undefined;
let mails: string[];
const logger = createLogger({ name: 'test', level: 'silent' });
const subject = 'events.user.registered';
const orderSubject = 'events.order.cancelled';

const registered = (): DomainEvent<'user.registered'> => ({
  eventId: randomUUID(),
  eventType: 'user.registered',
  aggregateId: 'ada',
  timestamp: '2026-01-01T00:00:00.000Z',
  version: 1,
  payload: { userId: 'ada' },
});

const cancelled = (): DomainEvent<'order.cancelled'> => ({
  eventId: randomUUID(),
  eventType: 'order.cancelled',
  aggregateId: 'order-1',
  timestamp: '2026-01-01T00:00:00.000Z',
  version: 1,
  payload: { orderId: 'order-1', sagaUid: null, customerId: 'ada', reason: 'test' },
});

beforeAll(async () => {
  db = await openTestDatabase('pglite', [
    { id: 'greeting', sql: 'create table greeting(event_id text not null)' },
  ]);
});
afterAll(() => db.close());

beforeEach(async () => {
  broker = new MemoryBroker();
  trouble = undefined;
  mails = [];
  await startEventConsumers({
    service: 'greeter',
    broker,
    logger,
    storage: { db, outbox: createOutbox() },
    concurrency: 2,
    subscriptions: [
      onEvent('user.registered', async (tx, event) => {
        await tx.query('insert into greeting(event_id) values ($1)', [event.eventId]);
        if (trouble !== undefined) throw trouble;
        return [
          { eventType: 'user.registered', aggregateId: `echo-${event.eventId}`, payload: event.payload },
        ];
      }),
      onEventAtLeastOnce('order.cancelled', async (event) => {
        if (trouble !== undefined) throw trouble;
        mails.push(event.eventId);
      }),
    ],
  });
});

const greetings = async (event: DomainEvent) =>
  (await db.query('select 1 from greeting where event_id = $1', [event.eventId])).rowCount;

test('an event takes effect once, however often it is delivered, and its own events with it', async () => {
  const event = registered();
  expect(await broker.deliver(subject, event)).toEqual({ kind: 'ack' });
  expect(await broker.deliver(subject, event, { deliveryCount: 2 })).toEqual({ kind: 'ack' });
  expect(await greetings(event)).toBe(1);
  const echoes = await db.query('select 1 from outbox where aggregate_id = $1', [`echo-${event.eventId}`]);
  expect(echoes.rowCount).toBe(1);
});

test('a handler that fails leaves nothing, and the event comes again later and later', async () => {
  const event = registered();
  trouble = new RetryableError('not now');
  expect(await broker.deliver(subject, event)).toEqual({ kind: 'retry', delayMillis: 1_000 });
  expect(await broker.deliver(subject, event, { deliveryCount: 20 })).toEqual({
    kind: 'retry',
    delayMillis: 60_000,
  });
  expect(await greetings(event)).toBe(0);
  trouble = undefined;
  expect(await broker.deliver(subject, event)).toEqual({ kind: 'ack' });
  expect(await greetings(event)).toBe(1);
});

test('what a handler cannot ever do goes to the dead letters', async () => {
  trouble = new TerminalError('there is no such user');
  expect(await broker.deliver(subject, registered())).toEqual({ kind: 'ack' });
  expect(broker.on('dlq.greeter')[0]?.headers).toMatchObject({ [headerNames.deadLetterReason]: 'Refused' });
});

test.each([
  ['another payload', { ...registered(), payload: {} }, 'Malformed'],
  ['another type than its subject', cancelled(), 'Malformed'],
  ['an unknown version', { ...registered(), version: 2 }, 'UnknownVersion'],
])('an event with %s goes to the dead letters', async (_name, body, reason) => {
  expect(await broker.deliver(subject, body)).toEqual({ kind: 'ack' });
  expect(broker.on('dlq.greeter')[0]?.headers).toMatchObject({ [headerNames.deadLetterReason]: reason });
});

test('a reader without a database starts with what is new, one with an inbox with everything stored', () => {
  expect(broker.consumers.map((spec) => [spec.consumer, spec.deliver])).toEqual([
    ['greeter-user-registered', 'all'],
    ['greeter-order-cancelled', 'new'],
  ]);
});

test('at least once: handled, and again when delivered again', async () => {
  const event = cancelled();
  trouble = new Error('no route to the mail server');
  expect(await broker.deliver(orderSubject, event)).toEqual({ kind: 'retry', delayMillis: 1_000 });
  trouble = undefined;
  await broker.deliver(orderSubject, event);
  await broker.deliver(orderSubject, event);
  expect(mails).toEqual([event.eventId, event.eventId]);
});
