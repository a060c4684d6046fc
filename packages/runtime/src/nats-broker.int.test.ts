import { randomUUID } from 'node:crypto';
import { commandSubject, eventSubject, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { natsConnectOptions } from '@sagamesh/sandbox/nats-users';
import { connect, StorageType, type JetStreamManager, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerBehaviour } from './broker.behaviour.ts';
import type { DurableConsumerSpec, IncomingMessage, Verdict } from './broker.ts';
import { RetryableError } from './errors.ts';
import { openNatsBroker, type NatsBroker } from './nats-broker.ts';
import { streamDefinitions } from './streams.ts';
import { Collector } from './testing/collector.ts';
import { silentLogger } from './testing/silent-logger.ts';
import { startStuckReader } from './testing/stuck-reader.ts';
import { pause } from './timing.ts';

const ack: Verdict = { kind: 'ack' };

let dataDir: DataDir;
let server: NatsServer;
let admin: NatsConnection;
let jsm: JetStreamManager;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  server = await startNats({ dataDir });
  admin = await connect({
    ...natsConnectOptions(server.admin),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
  jsm = await admin.jetstreamManager({ checkAPI: false });
});

afterAll(async () => {
  await admin.close();
  await server.stop();
  dataDir.close({ remove: true });
});

function open(name = 'test'): NatsBroker {
  return openNatsBroker({ ...server.admin, name, logger: silentLogger });
}

function textOf(message: IncomingMessage): string {
  return Buffer.from(message.body).toString();
}

function body(text: string): Uint8Array {
  return Buffer.from(text);
}

/** A stop signal takes a moment to reach every thread of the server. */
async function standstill(broker: NatsBroker): Promise<void> {
  const answers = async (): Promise<boolean> =>
    broker.ping(300).then(
      () => true,
      () => false,
    );
  await expect.poll(answers, { timeout: 5_000 }).toBe(false);
}

/** A consumer on its own subject of any stream. */
function specOn(stream: string, subject: string): DurableConsumerSpec {
  return {
    stream,
    consumer: `c-${randomUUID()}`,
    filterSubject: subject,
    deliver: 'new',
    ackWaitMillis: 30_000,
    concurrency: 4,
  };
}

/** One subject in each stream. */
const subjects: readonly (readonly [string, string])[] = [
  [streamNames.commands, commandSubject('inventory', 'reserve')],
  [streamNames.replies, replySubject('inventory')],
  [streamNames.events, eventSubject('order.created')],
  [streamNames.deadLetters, 'dlq.inventory'],
];

brokerBehaviour('NATS', {
  open: async () => open(),
  nowMillis: () => performance.now(),
  wait: pause,
  deleteStream: async (name) => void (await jsm.streams.delete(name)),
  stuckReader: async (spec) => startStuckReader(server.admin, spec),
});

describe('streams', () => {
  it('are made as they are defined', async () => {
    const broker = open();
    await broker.ready();
    for (const definition of streamDefinitions) {
      const { config } = await jsm.streams.info(definition.name);
      expect(config).toMatchObject({
        subjects: definition.subjects,
        retention: 'limits',
        discard: 'old',
        storage: 'file',
        max_bytes: definition.maxBytes,
        max_age: definition.maxAgeMillis * 1e6,
        duplicate_window: 120 * 1e9,
        num_replicas: 1,
      });
    }
    await broker.close();
  });

  it('with other settings are brought to the definition', async () => {
    await jsm.streams.delete(streamNames.replies).catch(() => false);
    await jsm.streams.add({ name: streamNames.replies, subjects: ['saga.reply.*'], max_bytes: 1_000_000 });
    const broker = open();
    await broker.ready();
    const { config } = await jsm.streams.info(streamNames.replies);
    expect(config).toMatchObject({ subjects: ['saga.reply.>'], max_bytes: 256 * 1024 * 1024 });
    await broker.close();
  });

  it('whose retention cannot be changed are used as they are', async () => {
    await jsm.streams.delete(streamNames.deadLetters).catch(() => false);
    await jsm.streams.add({
      name: streamNames.deadLetters,
      subjects: ['dlq.>'],
      storage: StorageType.Memory,
    });
    const broker = open();
    await broker.publish({ subject: 'dlq.test', body: body('x') });
    await broker.ready();
    expect((await jsm.streams.info(streamNames.deadLetters)).config.storage).toBe('memory');
    await jsm.streams.delete(streamNames.deadLetters);
    await broker.close();
  });
});

describe.each(subjects)('when the stream %s is deleted', (stream, subject) => {
  it('publish makes it again, and tail and consumer go on with everything published since', async () => {
    const broker = open();
    const tailed = new Collector<string>();
    const consumed = new Collector<string>();
    await broker.tail(stream, subject, (message) => tailed.add(textOf(message)));
    await broker.consume(specOn(stream, subject), async (message) => {
      consumed.add(textOf(message));
      return ack;
    });
    await broker.publish({ subject, body: body('before') });
    await tailed.reached(1);
    await consumed.reached(1);
    await jsm.streams.delete(stream);
    const deletedAtMillis = performance.now();
    await broker.publish({ subject, body: body('after') });
    expect(await tailed.reached(2, 4_000)).toEqual(['before', 'after']);
    expect(await consumed.reached(2, 4_000)).toEqual(['before', 'after']);
    expect(performance.now() - deletedAtMillis).toBeLessThan(4_000);
    await broker.close();
  });
});

describe('when a consumer is deleted', () => {
  it('makes it again and misses nothing, published while it was away or not yet acknowledged', async () => {
    const broker = open();
    const subject = eventSubject(`lost.${randomUUID()}`);
    const spec = { ...specOn(streamNames.events, subject), concurrency: 1 };
    const seen = new Collector<string>();
    await broker.consume(spec, async (message) => {
      seen.add(textOf(message));
      // Not settled when the consumer goes: the server forgets that it is owed.
      if (textOf(message) === '2' && seen.items.length === 2) return { kind: 'retry', delayMillis: 60_000 };
      return ack;
    });
    await broker.publish({ subject, body: body('1') });
    await broker.publish({ subject, body: body('2') });
    await seen.reached(2);
    await jsm.consumers.delete(spec.stream, spec.consumer);
    await broker.publish({ subject, body: body('3') });
    // Told by the server, not found out by its silence.
    expect(await seen.reached(4, 1_500)).toEqual(['1', '2', '2', '3']);
    await broker.close();
  });

  it('a tail makes its own again within two seconds and misses nothing', async () => {
    const broker = open();
    const subject = eventSubject(`tail.${randomUUID()}`);
    const seen = new Collector<string>();
    await broker.tail(streamNames.events, subject, (message) => seen.add(textOf(message)));
    await broker.publish({ subject, body: body('1') });
    await seen.reached(1);
    for await (const info of jsm.consumers.list(streamNames.events)) {
      if (info.config.filter_subject === subject) await jsm.consumers.delete(streamNames.events, info.name);
    }
    await broker.publish({ subject, body: body('2') });
    expect(await seen.reached(2, 3_000)).toEqual(['1', '2']);
    await broker.close();
  });
});

describe('when a worker process is killed', () => {
  it('its message is delivered to another after the ack wait', async () => {
    const broker = open();
    const subject = eventSubject(`killed.${randomUUID()}`);
    const spec = { ...specOn(streamNames.events, subject), ackWaitMillis: 1_000 };
    const worker = await startStuckReader(server.admin, spec);
    await broker.publish({ subject: spec.filterSubject, body: body('x') });
    await worker.taken;
    const seen = new Collector<number>();
    await broker.consume(spec, async (message) => {
      seen.add(message.deliveryCount);
      return ack;
    });
    await worker.kill();
    // Its request for more hands may have swallowed one delivery more.
    const [deliveryCount] = await seen.reached(1);
    expect(deliveryCount).toBeGreaterThanOrEqual(2);
    await broker.close();
  });
});

describe('when the server is killed and started again on its store', () => {
  it('a publish under way is stored once, and consumer and tail go on', async () => {
    const broker = open();
    const subject = eventSubject(`restart.${randomUUID()}`);
    const tailed = new Collector<string>();
    const consumed = new Collector<string>();
    await broker.tail(streamNames.events, subject, (message) => tailed.add(textOf(message)));
    await broker.consume(specOn(streamNames.events, subject), async (message) => {
      consumed.add(textOf(message));
      return ack;
    });
    await broker.publish({ subject, body: body('before') });
    await tailed.reached(1);
    await consumed.reached(1);
    await server.process.kill();
    const underWay = broker.publish(
      { subject, body: body('during'), messageId: randomUUID() },
      { timeoutMillis: 20_000 },
    );
    await expect(broker.ping(500)).rejects.toBeInstanceOf(Error);
    await server.process.start();
    const backAtMillis = performance.now();
    await underWay;
    await tailed.includes('during', 4_000);
    await consumed.includes('during', 4_000);
    expect(performance.now() - backAtMillis).toBeLessThan(4_000);
    await broker.publish({ subject, body: body('after') });
    await tailed.includes('after');
    await consumed.includes('after');
    expect(tailed.items).toEqual(['before', 'during', 'after']);
    expect(consumed.items.filter((item) => item === 'during')).toHaveLength(1);
    await expect(broker.ping(1_000)).resolves.toBeUndefined();
    await broker.close();
  });

  it('while it is away, publish fails in its time, and says that it may be tried again', async () => {
    const broker = open();
    await broker.ready();
    await server.process.kill();
    const beganAtMillis = performance.now();
    await expect(
      broker.publish({ subject: eventSubject('test.away'), body: body('x') }, { timeoutMillis: 400 }),
    ).rejects.toThrow(RetryableError);
    expect(performance.now() - beganAtMillis).toBeLessThan(1_500);
    await broker.close();
    await server.process.start();
  });

  it('a client that was opened without a server begins when there is one', async () => {
    await server.process.kill();
    const broker = open();
    const subject = eventSubject(`late.${randomUUID()}`);
    const seen = new Collector<string>();
    const reading = broker.consume(specOn(streamNames.events, subject), async (message) => {
      seen.add(textOf(message));
      return ack;
    });
    await expect(broker.ping(200)).rejects.toBeInstanceOf(Error);
    await server.process.start();
    await reading;
    await broker.publish({ subject, body: body('x') });
    expect(await seen.reached(1)).toEqual(['x']);
    await broker.close();
  });

  it('a client that never found a server can be closed', async () => {
    const broker = openNatsBroker({ url: 'nats://127.0.0.1:1', name: 'lonely', logger: silentLogger });
    await broker.close();
    expect(await broker.closed).toBeUndefined();
  });
});

describe('when the server stands still (half-open connection)', () => {
  it('consumer and tail go on after it wakes, and publish was bounded in time', async () => {
    const broker = open();
    const subject = eventSubject(`paused.${randomUUID()}`);
    const tailed = new Collector<string>();
    const consumed = new Collector<string>();
    await broker.tail(streamNames.events, subject, (message) => tailed.add(textOf(message)));
    await broker.consume(specOn(streamNames.events, subject), async (message) => {
      consumed.add(textOf(message));
      return ack;
    });
    server.process.pause();
    try {
      await standstill(broker);
      await expect(
        broker.publish({ subject, body: body('lost?') }, { timeoutMillis: 3_000 }),
      ).rejects.toThrow(RetryableError);
    } finally {
      server.process.resume();
    }
    await broker.publish({ subject, body: body('after') });
    await tailed.includes('after', 8_000);
    await consumed.includes('after', 8_000);
    await broker.close();
  });
});

describe('closing while the server stands still', () => {
  it('ends in time, and waits for running handlers only', async () => {
    const broker = open();
    const subject = eventSubject(`closing.${randomUUID()}`);
    await broker.tail(streamNames.events, subject, () => undefined);
    await broker.consume(specOn(streamNames.events, subject), async () => ack);
    server.process.pause();
    try {
      await standstill(broker);
      const beganAtMillis = performance.now();
      await broker.close();
      expect(performance.now() - beganAtMillis).toBeLessThan(5_000);
    } finally {
      server.process.resume();
    }
    expect(await broker.closed).toBeUndefined();
  });
});

describe('speed', () => {
  it('publishes with a median far below what a saga step may cost', async () => {
    const broker = open();
    const subject = eventSubject('test.speed');
    const message = { subject, body: { text: 'x'.repeat(500) } };
    const millis: number[] = [];
    for (let index = 0; index < 600; index += 1) {
      const beganAtMillis = performance.now();
      await broker.publish({ ...message, messageId: randomUUID() });
      if (index >= 100) millis.push(performance.now() - beganAtMillis);
    }
    const median = millis.toSorted((a, b) => a - b)[250] ?? Infinity;
    process.stdout.write(`publish p50 ${median.toFixed(2)} ms\n`);
    // 1 ms on a quiet machine; a shared one gets ten times that.
    expect(median).toBeLessThan(10);
    await broker.close();
  });
});
