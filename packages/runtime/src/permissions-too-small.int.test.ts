import { accessOfStepService, brokerAccesses, operatorClient } from '@sagamesh/contracts/broker-access';
import {
  commandConsumerName,
  commandSubject,
  inboxPrefixOf,
  streamNames,
} from '@sagamesh/contracts/subjects';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { natsConnectOptions } from '@sagamesh/sandbox/nats-users';
import { connect } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DurableConsumerSpec } from './broker.ts';
import { RetryableError } from './errors.ts';
import { createLogger } from './logger.ts';
import { openNatsBroker, type NatsBroker } from './nats-broker.ts';
import { Collector } from './testing/collector.ts';
import { silentLogger } from './testing/silent-logger.ts';

/** A process whose rights do not suffice says which subject was refused, goes on trying, and works once it may. */

let dataDir: DataDir;
let server: NatsServer;
const open: NatsBroker[] = [];
let lines: string[] = [];

const narrow = accessOfStepService('shipping', []);
const wide = accessOfStepService('shipping', ['ship'], { hasCache: true });
/** Keeps streams as the operator does, but may not make the first one. */
const halfOperator = {
  name: 'half-operator',
  publish: brokerAccesses
    .filter(({ name }) => name === operatorClient)
    .flatMap(({ publish }) => publish)
    .filter((subject) => !subject.startsWith('$JS.API.CONSUMER.'))
    .filter((subject) => subject !== `$JS.API.STREAM.CREATE.${streamNames.commands}`),
  subscribe: [`${inboxPrefixOf('half-operator')}.>`],
};

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  server = await startNats({ dataDir, moreClients: [narrow, halfOperator] });
});

afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close();
  lines = [];
});

afterAll(async () => {
  await server.stop();
  dataDir.close({ remove: true });
});

function openAs(user: string, options: { readonly name?: string; readonly makesStreams?: boolean } = {}) {
  const destination = { write: (line: string) => void lines.push(line) };
  const broker = openNatsBroker({
    ...server.login(user),
    name: user,
    makesStreams: false,
    ...options,
    logger: createLogger({ name: user, level: 'warn', destination }),
  });
  open.push(broker);
  return broker;
}

const operatorBroker = () => {
  const broker = openNatsBroker({ ...server.login('operator'), name: 'operator', logger: silentLogger });
  open.push(broker);
  return broker;
};

const refusals = (): unknown[] =>
  lines
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg.startsWith('NATS refuses'))
    .map((line) => ({ level: line.level, operation: line.operation, subject: line.subject }));

const charge = commandSubject('payment', 'charge');
const level = 'error';

const specOf = (service: string, action: string): DurableConsumerSpec => ({
  stream: streamNames.commands,
  consumer: commandConsumerName(service, action),
  filterSubject: commandSubject(service, action),
  deliver: 'all',
  ackWaitMillis: 30_000,
  concurrency: 1,
});

describe('a process whose rights are too small', () => {
  it('is told at once that it may not publish, and the log names the subject', async () => {
    const broker = openAs('notification');
    const publish = broker.publish({ subject: charge, body: {} }, { timeoutMillis: 60_000 });
    await expect(publish).rejects.toThrow(RetryableError);
    await expect(publish).rejects.toThrow(`NATS does not let this process publish ${charge}`);
    expect(refusals()).toContainEqual({ level, operation: 'publish', subject: charge });
  });

  it('names a subject once, however often it asks', async () => {
    const broker = openAs('notification');
    for (let round = 0; round < 5; round += 1) {
      await expect(broker.publish({ subject: charge, body: {} })).rejects.toThrow(RetryableError);
    }
    expect(refusals()).toHaveLength(1);
  });

  it('goes on trying to read what it may not, without an end of its own, and stops when told', async () => {
    await operatorBroker().ready();
    const broker = openAs('notification');
    const reading = broker.consume(specOf('payment', 'charge'), async () => ({ kind: 'ack' }));
    const subject = `$JS.API.STREAM.INFO.${streamNames.commands}`;
    await expect.poll(refusals).toContainEqual({ level, operation: 'publish', subject });
    const attempts = () => lines.filter((line) => line.includes('cannot reach a consumer')).length;
    await expect.poll(attempts).toBeGreaterThan(2);
    await broker.close();
    await reading;
  });

  it('survives that it may not hear its own answers, as with the user of another', async () => {
    const broker = openAs('shipping', { name: 'somebody-else' });
    const reading = broker.consume(specOf('shipping', 'ship'), async () => ({ kind: 'ack' }));
    const subject = expect.stringContaining('_INBOX_somebody-else.');
    await expect.poll(refusals).toContainEqual({ level, operation: 'subscription', subject });
    await expect(broker.ping(300)).rejects.toThrow(Error);
    await broker.close();
    await reading;
  });

  it('works as soon as its rights are widened, without a restart', async () => {
    const operator = operatorBroker();
    await operator.ready();
    const shipping = openAs('shipping');
    const seen = new Collector<string>();
    const reading = shipping.consume(specOf('shipping', 'ship'), async ({ subject }) => {
      seen.add(subject);
      return { kind: 'ack' };
    });
    await expect.poll(refusals).not.toEqual([]);

    await server.stop();
    server = await startNats({ dataDir, moreClients: [wide, halfOperator] });

    await operator.publish(
      { subject: commandSubject('shipping', 'ship'), body: {} },
      { timeoutMillis: 20_000 },
    );
    await reading;
    await seen.reached(1, 20_000);
  });
});

describe('a process that may not make streams', () => {
  it('waits until the operator has made them, and reads then', async () => {
    const admin = await connect(natsConnectOptions(server.admin));
    const jsm = await admin.jetstreamManager();
    for (const name of Object.values(streamNames)) await jsm.streams.delete(name).catch(() => false);
    const payment = openAs('payment');
    const seen = new Collector<string>();
    const reading = payment.consume(specOf('payment', 'charge'), async ({ subject }) => {
      seen.add(subject);
      return { kind: 'ack' };
    });
    const sent = payment.publish({ subject: 'saga.reply.payment', body: {} }, { timeoutMillis: 30_000 });
    await expect.poll(() => lines.filter((line) => line.includes('stream not found'))).not.toEqual([]);

    const operator = operatorBroker();
    operator.keepStreams(['payment']);
    await reading;
    await sent;
    await operator.publish({ subject: charge, body: {} });
    await seen.reached(1);
    const cache = payment.cache('payment');
    await expect
      .poll(() =>
        cache.ping(1_000).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);

    // Lost under running processes: the operator sees it by itself.
    await jsm.streams.delete('KV_cache-payment');
    await jsm.streams.delete(streamNames.deadLetters);
    await expect
      .poll(
        () =>
          cache.ping(1_000).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await payment.publish({ subject: 'dlq.payment', body: {} }, { timeoutMillis: 10_000 });
    expect(refusals()).toEqual([]);
    await admin.close();
  });
});

describe('an operator that may not make one of the streams', () => {
  it('makes the others, and the buckets', async () => {
    const admin = await connect(natsConnectOptions(server.admin));
    const jsm = await admin.jetstreamManager();
    const names = async () => {
      const found: string[] = [];
      for await (const name of jsm.streams.names()) found.push(name);
      return found.toSorted();
    };
    for (const name of await names()) await jsm.streams.delete(name);
    openAs('half-operator', { makesStreams: true }).keepStreams(['payment']);
    const { commands, ...others } = streamNames;
    await expect
      .poll(names, { timeout: 10_000 })
      .toEqual([...Object.values(others), 'KV_cache-payment'].toSorted());
    expect(refusals()).toEqual([
      { level, operation: 'publish', subject: `$JS.API.STREAM.CREATE.${commands}` },
    ]);
    // More than once: whoever looks at the log later has to see it, too.
    const complaints = () => lines.filter((line) => line.includes('cannot keep the streams'));
    await expect.poll(() => complaints().length, { timeout: 10_000 }).toBeGreaterThan(1);
    await admin.close();
  });
});
