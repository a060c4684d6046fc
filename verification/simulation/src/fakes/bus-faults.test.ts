import { eventSubject, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import type { Broker, IncomingMessage, Verdict } from '@sagamesh/runtime/broker';
import { RetryableError } from '@sagamesh/runtime/errors';
import { describe, expect, it } from 'vitest';
import type { Fault, MomentFaultKind, WindowFaultKind } from '../kernel/fault.ts';
import { momentFaults, windowFaults } from '../kernel/fault.ts';
import { Host } from '../kernel/host.ts';
import type { SimProcess } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { SimBus } from './bus.ts';
import type { SimBusOptions } from './bus.ts';

/** Every fault of the broker: that it bites, what it does, and that everything is as before when it is over. */

const ack: Verdict = { kind: 'ack' };
const subject = eventSubject('test.one');
const consumerName = 'reader';
const ackWaitMillis = 4_000;

interface Seen {
  readonly atMillis: number;
  readonly text: string;
  readonly count: number;
  readonly sequence: number;
}

/** A writer, two readers of one durable consumer, and a reader with a tail; what they saw. */
class Bench {
  readonly sim: Sim;
  readonly bus: SimBus;
  readonly consumed: Seen[] = [];
  readonly tailed: Seen[] = [];
  readonly hosts = new Map<string, Host>();
  workMillis = 5;
  readonly #concurrency: number;

  constructor(seed = 1, concurrency = 2, options: SimBusOptions = {}) {
    this.#concurrency = concurrency;
    this.sim = new Sim({ seed, keepTrace: true });
    this.bus = new SimBus(this.sim, options);
    for (const name of ['reader-1', 'reader-2']) {
      this.#host(name, async (broker, work) => {
        const spec = {
          stream: streamNames.events,
          consumer: consumerName,
          filterSubject: subject,
          deliver: 'new',
          ackWaitMillis,
          concurrency: this.#concurrency,
        } as const;
        await broker.consume(spec, async (message) => {
          this.consumed.push(this.#seen(message));
          await work(this.workMillis);
          return ack;
        });
      });
    }
    this.#host('tailer', async (broker) => {
      await broker.tail(streamNames.events, subject, (message) => this.tailed.push(this.#seen(message)));
    });
    this.#host('writer', () => Promise.resolve());
  }

  get writer(): Broker {
    const process = this.hosts.get('writer')?.process;
    if (process === undefined) throw new Error('the writer is down');
    return this.bus.connect(process);
  }

  /** One message per `everyMillis`, from the moment `fromMillis`. */
  write(texts: readonly string[], fromMillis: number, everyMillis = 200): string[] {
    const outcomes: string[] = texts.map(() => 'open');
    texts.forEach((text, index) => {
      this.sim.after(fromMillis + index * everyMillis - this.sim.nowMillis, () => {
        this.writer.publish({ subject, body: { text }, messageId: `id-${text}` }).then(
          () => (outcomes[index] = 'stored'),
          (error: unknown) => (outcomes[index] = error instanceof RetryableError ? 'gave up' : 'failed'),
        );
      });
    });
    return outcomes;
  }

  async run(faults: readonly Fault[], untilMillis = 200_000): Promise<void> {
    this.sim.faults.plan(faults);
    await this.sim.runUntil(untilMillis);
  }

  bitten(kind: Fault['kind']): number {
    return this.sim.faults.bitten.get(kind) ?? 0;
  }

  counted(name: string): number {
    return this.sim.counts.get(name) ?? 0;
  }

  texts(seen: readonly Seen[]): string[] {
    return seen.map(({ text }) => text);
  }

  #seen(message: IncomingMessage): Seen {
    const parsed: unknown = JSON.parse(Buffer.from(message.body).toString());
    const text = typeof parsed === 'object' && parsed !== null && 'text' in parsed ? String(parsed.text) : '';
    const { deliveryCount: count, streamSequence: sequence } = message;
    return { atMillis: this.sim.nowMillis, text, count, sequence };
  }

  #host(
    name: string,
    program: (broker: Broker, work: (millis: number) => Promise<void>) => Promise<void>,
  ): void {
    const host = new Host({
      sim: this.sim,
      name,
      role: name.split('-')[0] ?? name,
      program: async (process) =>
        program(
          this.bus.connect(process),
          async (millis) =>
            new Promise((resolve) => {
              process.clock.schedule(millis, resolve);
            }),
        ),
    });
    this.hosts.set(name, host);
    host.start();
  }
}

const letters = Array.from({ length: 12 }, (_, index) => String.fromCodePoint(97 + index));

function window(
  kind: WindowFaultKind,
  over: { probability?: number; target?: string; atMillis?: number; forMillis?: number } = {},
): Fault {
  return { kind, atMillis: 900, forMillis: 3_000, probability: 1, ...over };
}

function moment(kind: MomentFaultKind, atMillis: number, target?: string): Fault {
  return { kind, atMillis, ...(target !== undefined && { target }) };
}

function sorted(texts: Iterable<string>): string[] {
  return [...new Set(texts)].toSorted();
}

describe('without faults', () => {
  it('everything is read once, in order, by the tail, and shared by the readers of the consumer', async () => {
    const bench = new Bench();
    const outcomes = bench.write(letters, 1_000);
    await bench.run([]);
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect(bench.texts(bench.tailed)).toEqual(letters);
    expect(bench.texts(bench.consumed)).toEqual(letters);
    expect(bench.bus.redeliveries).toBe(0);
    expect(bench.bus.consumers).toEqual([
      { stream: streamNames.events, consumer: consumerName, pending: 0, unacknowledged: 0, redeliveries: 0 },
    ]);
    expect(bench.bus.history(streamNames.events)[3]).toMatchObject({
      sequence: 4,
      subject,
      body: { text: 'd' },
      messageId: 'id-d',
      publisher: 'writer',
      fate: 'stored',
    });
  });

  it('nothing happens by itself once everything is read', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    await bench.run([], 30_000);
    expect(bench.sim.isIdle).toBe(true);
  });

  it('a message that the world puts in reaches the readers, headers and broken body included', async () => {
    const sim = new Sim({ seed: 1 });
    const bus = new SimBus(sim);
    const seen: IncomingMessage[] = [];
    const host = new Host({
      sim,
      name: 'a',
      role: 'a',
      program: async (process) =>
        void (await bus.connect(process).tail(streamNames.replies, 'saga.reply.>', (message) => {
          seen.push(message);
        })),
    });
    host.start();
    sim.after(100, () => bus.inject(replySubject('order'), Buffer.from('{'), { 'X-Odd': 'yes' }));
    await sim.runUntil(1_000);
    expect(seen.map(({ body, headers }) => [Buffer.from(body).toString(), headers.get('x-odd')])).toEqual([
      ['{', 'yes'],
    ]);
  });

  it('a reader that dies is given nothing more, and what it had goes to the other after its time', async () => {
    const bench = new Bench();
    bench.workMillis = 1_000;
    bench.write(['a', 'b'], 1_000, 10);
    const crash = { kind: 'process.crash', atMillis: 1_500, host: 'reader-1', downMillis: 60_000 } as const;
    await bench.run([crash]);
    expect(bench.consumed.filter(({ count }) => count === 2)).toHaveLength(1);
    expect(bench.counted('bus: redelivered to another process')).toBe(1);
    const again = bench.consumed.find(({ count }) => count === 2);
    expect(again?.atMillis).toBeGreaterThanOrEqual(1_000 + ackWaitMillis);
  });

  it('a reader that stands still holds what it was given; its late acknowledgement counts', async () => {
    const bench = new Bench(1, 1);
    bench.workMillis = 1_000;
    bench.write(['a', 'b'], 1_000, 10);
    // Back while the other reader works on what it had.
    const pause = { kind: 'process.pause', atMillis: 1_500, host: 'reader-1', forMillis: 4_000 } as const;
    await bench.run([pause]);
    expect(bench.counted('bus: redelivered to another process')).toBe(1);
    expect(bench.counted('bus: late acknowledgement')).toBe(1);
    expect(bench.consumed).toHaveLength(3);
    expect(bench.bus.consumers[0]?.unacknowledged).toBe(0);
  });

  it('a reader that stands still is asked for five seconds and no longer', async () => {
    const bench = new Bench(1, 4);
    const pause = { kind: 'process.pause', atMillis: 500, host: 'reader-1', forMillis: 60_000 } as const;
    bench.write(['a', 'b'], 1_000, 10);
    bench.write(['c', 'd', 'e', 'f'], 20_000, 10);
    await bench.run([pause], 55_000);
    // One of the first two came to the reader that stands still, and was given to the other in the end.
    expect(bench.counted('bus: redelivered to another process')).toBe(1);
    expect(bench.consumed.filter(({ text }) => text > 'b').map(({ count }) => count)).toEqual([1, 1, 1, 1]);
    expect(sorted(bench.texts(bench.consumed))).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });
});

describe('faults of messages', () => {
  it('lose: acknowledged to the publisher, and read by nobody', async () => {
    const bench = new Bench();
    const outcomes = bench.write(letters, 1_000);
    await bench.run([window('bus.lose', { probability: 0.5 })]);
    const lost = bench.bus.history(streamNames.events).filter(({ fate }) => fate === 'lost');
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect(lost.length).toBe(bench.bitten('bus.lose'));
    expect(lost.length).toBeGreaterThan(0);
    expect(bench.texts(bench.tailed)).toHaveLength(letters.length - lost.length);
    expect(bench.texts(bench.consumed)).toEqual(bench.texts(bench.tailed));
  });

  it('lose: nothing bites when nothing is published', async () => {
    const bench = new Bench();
    await bench.run([window('bus.lose'), window('bus.duplicate'), window('bus.away')]);
    for (const kind of ['bus.lose', 'bus.duplicate', 'bus.away'] as const) expect(bench.bitten(kind)).toBe(0);
  });

  it('duplicate: what was acknowledged comes again', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    await bench.run([window('bus.duplicate', { probability: 0.3 })]);
    expect(bench.bitten('bus.duplicate')).toBeGreaterThan(0);
    expect(bench.counted('bus: redelivered')).toBeGreaterThan(0);
    expect(bench.consumed.length + bench.tailed.length).toBe(
      2 * letters.length + bench.bitten('bus.duplicate'),
    );
  });

  it('delay: late by up to 100 s, and given to another meanwhile', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    await bench.run([window('bus.delay', { probability: 0.5 })]);
    expect(bench.bitten('bus.delay')).toBeGreaterThan(0);
    expect(sorted(bench.texts(bench.tailed))).toEqual(letters);
    expect(sorted(bench.texts(bench.consumed))).toEqual(letters);
    expect(Math.max(...bench.tailed.map(({ atMillis }) => atMillis))).toBeGreaterThan(20_000);
    expect(bench.counted('bus: redelivered')).toBeGreaterThan(0);
  });

  it('reorder: another goes first, for the consumer and for the tail', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    await bench.run([window('bus.reorder', { probability: 0.3 })]);
    expect(bench.counted('bus: overtaken')).toBeGreaterThan(1);
    for (const seen of [bench.texts(bench.consumed), bench.texts(bench.tailed)]) {
      expect(seen).not.toEqual(letters);
      expect(seen.toSorted()).toEqual(letters);
    }
  });

  it('ackLost: stored once although the publisher tries again; without an id stored again', async () => {
    const bench = new Bench();
    const outcomes = bench.write(['a', 'b'], 1_000);
    bench.sim.after(1_100, () => void bench.writer.publish({ subject, body: { text: 'no id' } }));
    await bench.run([window('bus.ackLost', { forMillis: 1_000 })]);
    expect(outcomes).toEqual(['stored', 'stored']);
    expect(bench.counted('bus: deduplicated')).toBe(2);
    expect(bench.texts(bench.tailed).toSorted()).toEqual(['a', 'b', 'no id', 'no id']);
  });

  it('publishLost: stored at the next try, or given up after five seconds', async () => {
    const bench = new Bench();
    const outcomes = bench.write(['a', 'b'], 1_000, 12_000);
    await bench.run([
      window('bus.publishLost', { forMillis: 1_000 }),
      window('bus.publishLost', { atMillis: 12_900, forMillis: 10_000 }),
    ]);
    expect(outcomes).toEqual(['stored', 'gave up']);
    expect(bench.texts(bench.tailed)).toEqual(['a']);
    expect(bench.tailed[0]?.atMillis).toBeGreaterThan(3_000);
    expect(bench.bitten('bus.publishLost')).toBe(4);
    expect(bench.counted('bus: publish gave up')).toBe(1);
  });

  it('a publisher that stands still while the answer comes takes it for none', async () => {
    const bench = new Bench();
    const outcomes = bench.write(['a'], 1_000);
    const pause = { kind: 'process.pause', atMillis: 1_001, host: 'writer', forMillis: 6_000 } as const;
    await bench.run([pause]);
    expect(outcomes).toEqual(['gave up']);
    expect(bench.texts(bench.tailed)).toEqual(['a']);
  });

  it('consumerAckLost: comes again after its time', async () => {
    const bench = new Bench();
    bench.write(['a'], 1_000);
    await bench.run([window('bus.consumerAckLost')]);
    expect(bench.bitten('bus.consumerAckLost')).toBe(1);
    expect(bench.consumed.map(({ count }) => count)).toEqual([1, 2]);
    const [first, second] = bench.consumed;
    expect((second?.atMillis ?? 0) - (first?.atMillis ?? 0)).toBeGreaterThan(ackWaitMillis - 10);
  });

  it('away: nothing comes in or out, and nothing is lost', async () => {
    const bench = new Bench();
    const outcomes = bench.write(letters, 1_000, 50);
    await bench.run([window('bus.away')]);
    expect(bench.bitten('bus.away')).toBeGreaterThan(letters.length);
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect(bench.tailed[0]?.atMillis).toBeGreaterThan(3_900);
    expect(sorted(bench.texts(bench.consumed))).toEqual(letters);
    expect(sorted(bench.texts(bench.tailed))).toEqual(letters);
  });

  it('away for one process: the others go on', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    await bench.run([window('bus.away', { target: 'tailer' })]);
    expect(bench.tailed[0]?.atMillis).toBeGreaterThan(3_900);
    expect(bench.consumed[0]?.atMillis).toBeLessThan(1_100);
    expect(bench.texts(bench.tailed)).toEqual(letters);
  });
});

describe('faults of the server', () => {
  it('restart: connections break, publishers try again, nothing that was acknowledged is lost', async () => {
    const bench = new Bench();
    const outcomes = bench.write(letters, 1_000);
    await bench.run([moment('bus.restart', 1_500)]);
    expect(bench.bitten('bus.restart')).toBe(1);
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect(sorted(bench.texts(bench.tailed))).toEqual(letters);
    expect(sorted(bench.texts(bench.consumed))).toEqual(letters);
    // Ids of stored messages are known again after a start.
    expect(bench.bus.history(streamNames.events)).toHaveLength(letters.length);
  });

  it('restart: what was on its way to a reader comes again after its time', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000, 1);
    await bench.run([moment('bus.restart', 1_006)]);
    const whileAway = [...bench.consumed, ...bench.tailed].filter(
      ({ atMillis }) => atMillis > 1_006 && atMillis < 1_300,
    );
    expect(whileAway).toEqual([]);
    expect(bench.counted('bus: redelivered')).toBeGreaterThan(0);
    expect(sorted(bench.texts(bench.tailed))).toEqual(letters);
    expect(sorted(bench.texts(bench.consumed))).toEqual(letters);
    expect(bench.bus.consumers[0]).toMatchObject({ pending: 0, unacknowledged: 0 });
  });

  it('forgetDedupe: the same id is stored again', async () => {
    const bench = new Bench();
    bench.write(['a'], 1_000);
    bench.write(['a'], 2_000);
    bench.write(['a'], 3_000);
    await bench.run([moment('bus.forgetDedupe', 2_500), moment('bus.forgetDedupe', 2_600)]);
    expect(bench.bitten('bus.forgetDedupe')).toBe(1);
    expect(bench.texts(bench.tailed)).toEqual(['a', 'a']);
  });

  it('the id of a message is forgotten after two minutes', async () => {
    const bench = new Bench();
    bench.write(['a'], 1_000);
    bench.write(['a'], 120_000);
    bench.write(['a'], 122_000);
    await bench.run([]);
    expect(bench.texts(bench.tailed)).toEqual(['a', 'a']);
  });

  it('loseSuffix: acknowledged messages are gone, their numbers come again, and the readers go on', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    // The ids of what is lost are forgotten with it; those of what is left are not.
    bench.write(letters, 20_000);
    await bench.run([moment('bus.loseSuffix', 10_000, streamNames.events)]);
    const history = bench.bus.history(streamNames.events);
    const undone = history.filter(({ fate }) => fate === 'undone').map(({ messageId }) => messageId);
    expect(undone.length).toBeGreaterThan(0);
    expect(undone.length).toBeLessThan(letters.length);
    const again = letters.slice(-undone.length);
    expect(undone).toEqual(again.map((text) => `id-${text}`));
    expect(history.at(-1)?.sequence).toBe(letters.length);
    expect(bench.texts(bench.consumed)).toEqual([...letters, ...again]);
    expect(bench.texts(bench.tailed)).toEqual([...letters, ...again]);
  });

  it('loseSuffix: nothing to lose, no bite', async () => {
    const bench = new Bench();
    await bench.run([moment('bus.loseSuffix', 10_000, streamNames.events)]);
    expect(bench.bitten('bus.loseSuffix')).toBe(0);
  });

  it('deleteStream: made again by whoever notices; what comes afterwards is read, numbered from 1', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    bench.write(['x', 'y'], 10_000);
    await bench.run([moment('bus.deleteStream', 9_990, streamNames.events)]);
    expect(bench.bitten('bus.deleteStream')).toBe(1);
    expect(bench.counted('bus: recreated stream')).toBe(1);
    expect(bench.counted('bus: recreated consumer')).toBe(1);
    expect(bench.texts(bench.consumed)).toEqual([...letters, 'x', 'y']);
    expect(bench.texts(bench.tailed)).toEqual([...letters, 'x', 'y']);
    expect(bench.tailed.at(-1)?.sequence).toBe(2);
    // The tail knows by silence alone.
    expect(bench.tailed.at(-2)?.atMillis).toBeGreaterThan(10_500);
    const history = bench.bus.history(streamNames.events);
    expect(history.filter(({ fate }) => fate === 'deleted')).toHaveLength(letters.length);
  });

  it('deleteStream: whoever may not make one waits for the process that keeps them', async () => {
    const bench = new Bench(1, 2, { mayMakeStreams: ({ name }) => name === 'keeper' });
    const program = (process: SimProcess) => bench.bus.keepStreams(process);
    const keeper = new Host({ sim: bench.sim, name: 'keeper', role: 'keeper', program });
    keeper.start();
    bench.write(letters, 1_000);
    bench.sim.after(9_000, () => keeper.crash(8_000));
    const unheard = bench.write(['unheard'], 10_000);
    bench.write(['x', 'y'], 20_000);
    await bench.run([moment('bus.deleteStream', 9_990, streamNames.events)]);
    expect(unheard).toEqual(['gave up']);
    expect(bench.counted('bus: recreated stream')).toBe(1);
    expect(bench.texts(bench.consumed)).toEqual([...letters, 'x', 'y']);
    expect(bench.texts(bench.tailed)).toEqual([...letters, 'x', 'y']);
  });

  it('deleteStream: who keeps the streams makes it again without being asked', async () => {
    const bench = new Bench(1, 2, { mayMakeStreams: ({ name }) => name === 'writer' });
    const { process } = bench.hosts.get('writer') ?? {};
    if (process === undefined) throw new Error('the writer is down');
    bench.bus.keepStreams(process);
    await bench.run([moment('bus.deleteStream', 9_990, streamNames.deadLetters)], 12_000);
    expect(bench.counted('bus: recreated stream')).toBe(1);
  });

  it('deleteConsumer: made again behind what was dealt with', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000);
    bench.write(['x', 'y'], 10_000);
    await bench.run([moment('bus.deleteConsumer', 9_999, consumerName)]);
    expect(bench.bitten('bus.deleteConsumer')).toBe(1);
    expect(bench.counted('bus: recreated consumer')).toBe(1);
    expect(sorted(bench.texts(bench.consumed))).toEqual([...letters, 'x', 'y']);
  });

  it('deleteConsumer: a tail makes its own again and misses nothing', async () => {
    const bench = new Bench();
    bench.hosts.get('reader-1')?.crash(1_000_000);
    bench.hosts.get('reader-2')?.crash(1_000_000);
    bench.write(letters, 1_000);
    await bench.run([moment('bus.deleteConsumer', 900), moment('bus.deleteConsumer', 2_900)]);
    expect(bench.bitten('bus.deleteConsumer')).toBe(2);
    expect(bench.texts(bench.tailed)).toEqual(letters);
  });

  it('restoreOlder: streams and positions go back, and everybody goes on from there', async () => {
    const bench = new Bench();
    bench.write(letters, 1_000, 1_000);
    bench.write(['x', 'y'], 30_000);
    await bench.run([moment('bus.restoreOlder', 20_000)]);
    expect(bench.bitten('bus.restoreOlder')).toBe(1);
    const history = bench.bus.history(streamNames.events);
    const undone = history.filter(({ fate }) => fate === 'undone');
    expect(undone.length).toBeGreaterThan(0);
    expect(history.find(({ messageId }) => messageId === 'id-x')?.sequence).toBe(undone[0]?.sequence);
    // Everything had been dealt with at the moment of the copy: nothing comes twice.
    expect(bench.texts(bench.tailed)).toEqual([...letters, 'x', 'y']);
    expect(bench.texts(bench.consumed)).toEqual([...letters, 'x', 'y']);
  });
});

describe('all at once', () => {
  async function storm(seed: number): Promise<Bench> {
    const bench = new Bench(seed);
    bench.workMillis = 200;
    const texts = Array.from({ length: 300 }, (_, index) => `${index}`);
    bench.write(texts, 500, 100);
    const windows = windowFaults
      .filter((kind) => kind.startsWith('bus.'))
      .map((kind): Fault => ({ kind, atMillis: 1_000, forMillis: 30_000, probability: 0.15 }));
    const moments = momentFaults
      .filter((kind) => kind.startsWith('bus.'))
      .flatMap((kind, index) => [
        moment(kind, 3_000 + index * 1_700),
        moment(kind, 14_000 + index * 2_100, streamNames.events),
      ]);
    const processes: Fault[] = [
      ...[2_000, 10_000, 20_000].map((atMillis): Fault => ({
        kind: 'process.pause',
        atMillis,
        host: 'reader-1',
        forMillis: 4_100,
      })),
      { kind: 'process.crash', atMillis: 8_000, host: 'tailer', downMillis: 500 },
      {
        kind: 'process.crashAt',
        atMillis: 12_000,
        host: 'reader-2',
        downMillis: 2_000,
        effect: 'ack',
        side: 'before',
        skip: 3,
      },
      {
        kind: 'process.crashAt',
        atMillis: 17_000,
        host: 'reader-1',
        downMillis: 2_000,
        effect: 'ack',
        side: 'after',
        skip: 3,
      },
    ];
    await bench.run([...windows, ...moments, ...processes], 60_000);
    bench.sim.faults.heal();
    return bench;
  }

  it('gives the same trace for the same seed, and another for another', async () => {
    const [first, same, other] = [await storm(7), await storm(7), await storm(8)];
    expect(same.sim.trace.hash).toBe(first.sim.trace.hash);
    expect(other.sim.trace.hash).not.toBe(first.sim.trace.hash);
  });

  it('bites with every kind, and leaves nothing behind: after it everything is read', async () => {
    const bench = await storm(7);
    const kinds = [...windowFaults, ...momentFaults].filter((kind) => kind.startsWith('bus.'));
    expect(kinds.filter((kind) => bench.bitten(kind) === 0)).toEqual([]);
    const before = bench.tailed.length;
    const after = letters.map((text) => `after-${text}`);
    const outcomes = bench.write(after, 61_000);
    await bench.sim.runUntil(300_000);
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect(sorted(bench.texts(bench.consumed))).toEqual(expect.arrayContaining(after));
    expect(sorted(bench.texts(bench.tailed.slice(before)))).toEqual(expect.arrayContaining(after));
    expect(bench.bus.consumers.map(({ pending, unacknowledged }) => pending + unacknowledged)).toEqual([0]);
    const names = [
      'redelivered',
      'redelivered to another process',
      'deduplicated',
      'recreated stream',
      'recreated consumer',
      'late acknowledgement',
      'overtaken',
    ];
    expect(names.filter((name) => bench.counted(`bus: ${name}`) === 0)).toEqual([]);
  });
});
