import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TerminalError } from '@sagamesh/runtime/errors';
import { deferred } from '@sagamesh/runtime/testing/collector';
import { createLogger } from '@sagamesh/runtime/logger';
import { createMetrics } from '@sagamesh/runtime/metrics';
import type { Db } from '../db.ts';
import { startOutboxRelay, type OutboxRelay } from '../outbox-relay.ts';
import { createOutbox, type Outbox } from '../outbox.ts';
import type { NewEvent } from '../step.ts';
import { brokerAway, MemoryBroker } from './memory-broker.ts';

/** Outbox and relay on a real database. */

const errorLines: string[] = [];
const logger = createLogger({
  name: 'test',
  level: 'error',
  destination: { write: (line) => void errorLines.push(line) },
});
const event = (aggregateId: string): NewEvent => ({
  eventType: 'user.registered',
  aggregateId,
  payload: { userId: aggregateId },
});

export function describeOutbox(name: string, open: () => Promise<Db>): void {
  describe(`the outbox on ${name}`, () => {
    let db: Db;
    let broker: MemoryBroker;
    let outbox: Outbox;
    const relays: OutboxRelay[] = [];
    beforeAll(async () => {
      db = await open();
    });
    beforeEach(async () => {
      await db.query('delete from outbox');
      broker = new MemoryBroker();
      outbox = createOutbox();
    });
    afterEach(async () => {
      await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    });
    afterAll(() => db.close());

    /** An hour between polls: what is published quickly was woken by the commit. */
    const start = (pollMillis = 3_600_000) => {
      const relay = startOutboxRelay({ service: 'test', db, broker, outbox, logger, pollMillis });
      relays.push(relay);
      return relay;
    };
    /** The relay has the lock and has slept since: one event went out, and the record of it is forgotten. */
    const startAndWait = async () => {
      const relay = start();
      await write('first');
      await expect.poll(unpublished).toBe(0);
      broker.published.length = 0;
      return relay;
    };
    const write = (...aggregates: string[]) => db.tx((tx) => outbox.add(tx, aggregates.map(event)));
    const ids = () => broker.published.map((message) => message.messageId);
    const unpublished = async () =>
      (await db.query<{ left: number }>('select count(*) as left from outbox where published_at is null'))
        .rows[0]?.left;

    test('a commit is published at once, with its event id as message id and its context in the headers', async () => {
      await startAndWait();
      const context = { correlationId: 'abc', traceparent: '00-a-b-01' };
      const [eventId] = await db.tx((tx) => outbox.add(tx, [event('ada')], context));
      await expect.poll(ids).toEqual([eventId]);
      expect(broker.published[0]).toMatchObject({
        subject: 'events.user.registered',
        body: {
          eventId,
          eventType: 'user.registered',
          aggregateId: 'ada',
          version: 1,
          payload: { userId: 'ada' },
        },
        headers: { 'x-correlation-id': 'abc', traceparent: '00-a-b-01' },
      });
      await expect.poll(unpublished).toBe(0);
    });

    test('what is rolled back is never published', async () => {
      start(10);
      const rolledBack = db.tx(async (tx) => {
        await outbox.add(tx, [event('gone')]);
        throw new Error('no');
      });
      await expect(rolledBack).rejects.toThrow('no');
      const [kept] = await write('kept');
      await expect.poll(ids).toEqual([kept]);
    });

    test('what another process wrote, or a crash left behind, is found by polling', async () => {
      const [eventId] = await db.tx((tx) => createOutbox().add(tx, [event('ada')]));
      start(20);
      await expect.poll(ids).toEqual([eventId]);
    });

    test('events of one aggregate are published in order; one that fails holds up its own aggregate only', async () => {
      let away = true;
      broker.beforePublish = async (message) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (away && JSON.stringify(message.body).includes('"aggregateId":"bad"')) brokerAway();
      };
      const written = await write('bad', 'ada', 'bad', 'bob', 'ada', 'bad', 'ada');
      start(20);
      const of = (...positions: number[]) => positions.map((position) => written[position]);
      await expect.poll(() => ids().length).toBe(4);
      expect(ids().filter((id) => of(1, 4, 6).includes(id))).toEqual(of(1, 4, 6));
      away = false;
      await expect.poll(() => ids().length).toBe(7);
      expect(ids().filter((id) => of(0, 2, 5).includes(id))).toEqual(of(0, 2, 5));
      await expect.poll(unpublished).toBe(0);
    });

    test('what can never be published is kept among the dead letters; its aggregate goes on', async () => {
      let deadLettersAway = true;
      broker.beforePublish = async ({ subject, body }) => {
        if (subject === 'dlq.test' && deadLettersAway) brokerAway();
        if (Reflect.get(body, 'eventId') === written[0]) throw new TerminalError('too large');
      };
      const written = await db.tx((tx) =>
        outbox.add(tx, ['bad', 'bad'].map(event), { correlationId: 'abc' }),
      );
      start(20);
      // Not lost while the dead letters cannot be stored: it waits, and its aggregate with it.
      await write('ada');
      await expect.poll(unpublished).toBe(2);
      deadLettersAway = false;
      await expect.poll(unpublished, { timeout: 10_000 }).toBe(0);
      expect(ids().slice(2)).toEqual([written[1]]);
      const [deadLetter] = broker.on('dlq.test');
      expect(deadLetter?.headers).toMatchObject({
        'x-dead-letter-reason': 'Refused',
        'x-dead-letter-message': 'too large',
        'x-dead-letter-subject': 'events.user.registered',
        'x-correlation-id': 'abc',
      });
      const body = deadLetter?.body instanceof Uint8Array ? new TextDecoder().decode(deadLetter.body) : '';
      expect(JSON.parse(body)).toMatchObject({ eventId: written[0], payload: { userId: 'bad' } });
      const line: unknown = JSON.parse(errorLines.find((one) => one.includes(written[0] ?? '')) ?? '{}');
      expect(line).toMatchObject({ eventId: written[0], correlationId: 'abc' });
    });

    test('different aggregates are published side by side, one aggregate never', async () => {
      let running = 0;
      let most = 0;
      const busy = new Set<string>();
      broker.beforePublish = async (message) => {
        const aggregate = String(Reflect.get(message.body, 'aggregateId'));
        expect(busy.has(aggregate)).toBe(false);
        busy.add(aggregate);
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        busy.delete(aggregate);
      };
      const aggregates = Array.from({ length: 400 }, (_, index) => `user-${index % 100}`);
      await write(...aggregates);
      start();
      await expect.poll(unpublished, { timeout: 30_000 }).toBe(0);
      expect(broker.published).toHaveLength(400);
      expect(most).toBeGreaterThan(10);
      expect(most).toBeLessThanOrEqual(64);
    });

    test('published but not marked (a crash in between) is published again with the same id', async () => {
      const [eventId] = await write('ada');
      start(20);
      await expect.poll(unpublished).toBe(0);
      await db.query('update outbox set published_at = null');
      await expect.poll(ids).toEqual([eventId, eventId]);
    });

    test('resend sends the same event again, as a message of its own', async () => {
      // A repeated message id would be dropped by the broker for two minutes.
      const eventIds = () => broker.published.map((message) => Reflect.get(message.body, 'eventId'));
      const [, second] = await write('ada', 'bob');
      start();
      await expect.poll(unpublished).toBe(0);
      await db.tx((tx) => outbox.resend(tx, [second ?? '']));
      await expect.poll(unpublished).toBe(0);
      expect(eventIds().slice(2)).toEqual([second]);
      expect(new Set(ids()).size).toBe(3);
    });

    test('one relay works at a time; when it stops, the next takes over', async () => {
      const first = await startAndWait();
      const second = start(20);
      await write('ada');
      await expect.poll(unpublished).toBe(0);
      expect(broker.published).toHaveLength(1);
      await first.stop();
      await write('bob');
      await expect.poll(unpublished, { timeout: 10_000 }).toBe(0);
      await second.stop();
    });

    test('stopped while the broker is away, it does not try what is left', async () => {
      // Each try lasts the time-out of a publish: four rounds of them would outlast the whole shutdown.
      const away = deferred();
      let tries = 0;
      broker.beforePublish = async () => {
        tries += 1;
        await away.promise;
        brokerAway();
      };
      await write(...Array.from({ length: 200 }, (_, index) => `customer-${index}`));
      const relay = start();
      await expect.poll(() => tries).toBeGreaterThan(0);
      const stopped = relay.stop();
      const triedBefore = tries;
      away.resolve();
      await stopped;
      expect(tries).toBe(triedBefore);
      expect(await unpublished()).toBe(200);
    });

    test('rows are kept for seven days after they were published', async () => {
      await write('old', 'young', 'waiting');
      await db.exec(`
        update outbox set published_at = now() - interval '8 days' where aggregate_id = 'old';
        update outbox set published_at = now() - interval '6 days' where aggregate_id = 'young'`);
      start();
      await expect.poll(unpublished).toBe(0);
      const { rows } = await db.query('select aggregate_id from outbox order by seq');
      expect(rows).toEqual([{ aggregate_id: 'young' }, { aggregate_id: 'waiting' }]);
    });

    test('metrics tell how much waits and for how long', async () => {
      broker.beforePublish = async () => brokerAway();
      const metrics = createMetrics('test');
      relays.push(startOutboxRelay({ service: 'test', db, broker, outbox, logger, metrics }));
      await write('ada', 'bob');
      await db.query(`update outbox set written_at = now() - interval '100 seconds'`);
      const text = await metrics.registry.metrics();
      expect(text).toMatch(/outbox_unpublished\{[^}]*\} 2\n/);
      expect(Number(/outbox_lag_seconds\{[^}]*\} (\S+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(100);
    });
  });
}
