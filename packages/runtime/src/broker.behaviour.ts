import { randomUUID } from 'node:crypto';
import { deadLetterSubject, eventSubject, streamNames } from '@sagamesh/contracts/subjects';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker, DurableConsumerSpec, IncomingMessage, Verdict } from './broker.ts';
import { TerminalError } from './errors.ts';
import { Collector, deferred } from './testing/collector.ts';

/** What every implementation of the broker port must do. */

/** How the suite reaches one implementation, in its own time. */
export interface BrokerSetup {
  /** A new client of the same broker. */
  open(): Promise<Broker>;
  nowMillis(): number;
  wait(millis: number): Promise<void>;
  /** As an administrator does, behind the clients' backs. */
  deleteStream(name: string): Promise<void>;
  /** Resolves when it reads. */
  stuckReader(spec: DurableConsumerSpec): Promise<StuckReader>;
}

/** A process of its own that takes the first message it gets and stands still (SIGSTOP). */
export interface StuckReader {
  /** Resolves when it has one, and stands. */
  readonly taken: Promise<void>;
  /** It goes on and acknowledges what it has; resolves when it did. */
  goOn(): Promise<void>;
  kill(): Promise<void>;
}

const ack: Verdict = { kind: 'ack' };

function textOf(message: IncomingMessage): string {
  return Buffer.from(message.body).toString();
}

function text(body: string): Uint8Array {
  return Buffer.from(body);
}

/** A spec that no other test shares. */
function specFor(overrides: Partial<DurableConsumerSpec> = {}): DurableConsumerSpec {
  const id = randomUUID();
  return {
    stream: streamNames.events,
    consumer: `test-${id}`,
    filterSubject: eventSubject(`test.${id}`),
    deliver: 'new',
    ackWaitMillis: 30_000,
    concurrency: 4,
    ...overrides,
  };
}

export function brokerBehaviour(name: string, setup: BrokerSetup): void {
  describe(`${name} as a broker`, () => {
    let broker: Broker;
    beforeAll(async () => {
      broker = await setup.open();
    });
    afterAll(async () => broker.close());

    it('delivers what was published, with headers, and JSON for objects', async () => {
      const spec = specFor();
      const seen = new Collector<IncomingMessage>();
      const reading = await broker.consume(spec, async (message) => {
        seen.add(message);
        return ack;
      });
      await broker.publish({
        subject: spec.filterSubject,
        body: { a: 1 },
        headers: { 'x-correlation-id': 'c-1' },
      });
      const [message] = await seen.reached(1);
      expect(JSON.parse(textOf(message!))).toEqual({ a: 1 });
      expect(message!.subject).toBe(spec.filterSubject);
      expect(message!.headers.get('x-correlation-id')).toBe('c-1');
      expect(message!.headers.get('x-not-there')).toBeUndefined();
      expect(message!.deliveryCount).toBe(1);
      expect(message!.streamSequence).toBeGreaterThan(0);
      await reading.stop();
    });

    it('delivers again when the handler asks for it, and not before the delay', async () => {
      const spec = specFor();
      const seen = new Collector<{ count: number; atMillis: number }>();
      const reading = await broker.consume(spec, async (message) => {
        seen.add({ count: message.deliveryCount, atMillis: setup.nowMillis() });
        return message.deliveryCount < 3 ? { kind: 'retry', delayMillis: 200 } : ack;
      });
      await broker.publish({ subject: spec.filterSubject, body: text('x') });
      const items = await seen.reached(3);
      expect(items.map((item) => item.count)).toEqual([1, 2, 3]);
      expect(items[1]!.atMillis - items[0]!.atMillis).toBeGreaterThanOrEqual(190);
      await reading.stop();
    });

    it('delivers again when the handler throws', async () => {
      const spec = specFor();
      const seen = new Collector<number>();
      const reading = await broker.consume(spec, async (message) => {
        seen.add(message.deliveryCount);
        if (message.deliveryCount === 1) throw new Error('broken handler');
        return ack;
      });
      await broker.publish({ subject: spec.filterSubject, body: text('x') });
      expect(await seen.reached(2)).toEqual([1, 2]);
      await reading.stop();
    });

    it('drops a repeat of the same message id', async () => {
      const spec = specFor();
      const seen = new Collector<string>();
      const reading = await broker.consume(spec, async (message) => {
        seen.add(textOf(message));
        return ack;
      });
      const messageId = randomUUID();
      await broker.publish({ subject: spec.filterSubject, body: text('one'), messageId });
      await broker.publish({ subject: spec.filterSubject, body: text('one'), messageId });
      await broker.publish({ subject: spec.filterSubject, body: text('two') });
      expect(await seen.reached(2)).toEqual(['one', 'two']);
      await reading.stop();
    });

    it('gives a new consumer only what is new, or everything, as its spec says', async () => {
      const fresh = specFor();
      const all = { ...fresh, consumer: `${fresh.consumer}-all`, deliver: 'all' } as const;
      await broker.publish({ subject: fresh.filterSubject, body: text('before') });
      const seenNew = new Collector<string>();
      const seenAll = new Collector<string>();
      const readings = [
        await broker.consume(fresh, async (message) => {
          seenNew.add(textOf(message));
          return ack;
        }),
        await broker.consume(all, async (message) => {
          seenAll.add(textOf(message));
          return ack;
        }),
      ];
      await broker.publish({ subject: fresh.filterSubject, body: text('after') });
      expect(await seenNew.reached(1)).toEqual(['after']);
      expect(await seenAll.reached(2)).toEqual(['before', 'after']);
      for (const reading of readings) await reading.stop();
    });

    it('runs no more handlers at once than asked, and reaches that number', async () => {
      const spec = specFor({ concurrency: 4 });
      let running = 0;
      let most = 0;
      const gate = deferred();
      const done = new Collector<string>();
      const reading = await broker.consume(spec, async (message) => {
        running += 1;
        most = Math.max(most, running);
        if (running === 4) gate.resolve();
        await gate.promise;
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        done.add(textOf(message));
        return ack;
      });
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          broker.publish({ subject: spec.filterSubject, body: text(`${index}`) }),
        ),
      );
      const items = await done.reached(40);
      expect(new Set(items).size).toBe(40);
      expect(most).toBe(4);
      await reading.stop();
    });

    it('goes on where it stopped, without loss and without repeats', async () => {
      const spec = specFor({ concurrency: 2 });
      const seen = new Collector<string>();
      const handler = async (message: IncomingMessage): Promise<Verdict> => {
        seen.add(textOf(message));
        return ack;
      };
      const first = await broker.consume(spec, handler);
      await broker.publish({ subject: spec.filterSubject, body: text('1') });
      await seen.reached(1);
      await first.stop();
      await broker.publish({ subject: spec.filterSubject, body: text('2') });
      const second = await broker.consume(spec, handler);
      expect(await seen.reached(2)).toEqual(['1', '2']);
      await second.stop();
    });

    it('keeps a message that a long handler works on, past its ack wait', async () => {
      const spec = specFor({ ackWaitMillis: 600, concurrency: 1 });
      const seen = new Collector<string>();
      const reading = await broker.consume(spec, async (message) => {
        seen.add(`${textOf(message)}/${message.deliveryCount}`);
        if (textOf(message) === 'long') {
          await setup.wait(2_000);
        }
        return ack;
      });
      await broker.publish({ subject: spec.filterSubject, body: text('long') });
      await broker.publish({ subject: spec.filterSubject, body: text('next') });
      expect(await seen.reached(2)).toEqual(['long/1', 'next/1']);
      await reading.stop();
    });

    it('stop waits for the running handler, gives the rest back at once, and may be called twice', async () => {
      // Longer than anybody waits: what is not given back does not come.
      const spec = specFor({ concurrency: 2, ackWaitMillis: 3_600_000 });
      const started = new Collector<string>();
      const finished = new Collector<string>();
      const release = deferred();
      const first = await broker.consume(spec, async (message) => {
        started.add(textOf(message));
        await release.promise;
        finished.add(textOf(message));
        return ack;
      });
      for (const body of ['1', '2', '3', '4', '5', '6']) {
        await broker.publish({ subject: spec.filterSubject, body: text(body) });
      }
      await started.reached(2);
      const stopped = Promise.all([first.stop(), first.stop()]);
      const rest = new Collector<string>();
      const second = await broker.consume(spec, async (message) => {
        rest.add(textOf(message));
        return ack;
      });
      expect([...(await rest.reached(4, 5_000))].toSorted()).toEqual(['3', '4', '5', '6']);
      expect(finished.items).toEqual([]);
      release.resolve();
      await stopped;
      expect([...finished.items].toSorted()).toEqual(['1', '2']);
      await second.stop();
    });

    it('stop gives back what was on its way, instead of keeping it for the ack wait', async () => {
      const spec = specFor({ concurrency: 64, ackWaitMillis: 3_600_000 });
      const seen = new Collector<string>();
      const stopped = deferred<Promise<void>>();
      const first = await broker.consume(spec, async (message) => {
        // Called while the other messages of the same batch are still in the socket's buffer.
        stopped.resolve(first.stop());
        seen.add(textOf(message));
        return ack;
      });
      await Promise.all(
        Array.from({ length: 64 }, (_, index) =>
          broker.publish({ subject: spec.filterSubject, body: text(`${index}`) }),
        ),
      );
      await stopped.promise;
      const second = await broker.consume(spec, async (message) => {
        seen.add(textOf(message));
        return ack;
      });
      expect(new Set(await seen.reached(64, 5_000)).size).toBe(64);
      await second.stop();
    });

    it('tails only what is new, on every client, from the moment the call returns', async () => {
      const other = await setup.open();
      const subject = eventSubject(`tail.${randomUUID()}`);
      await broker.publish({ subject, body: text('before') });
      const here = new Collector<string>();
      const there = new Collector<string>();
      const tails = [
        await broker.tail(streamNames.events, subject, (message) => here.add(textOf(message))),
        await other.tail(streamNames.events, subject, (message) => there.add(textOf(message))),
      ];
      await broker.publish({ subject, body: text('after') });
      expect(await here.reached(1)).toEqual(['after']);
      expect(await there.reached(1)).toEqual(['after']);
      for (const tail of tails) await tail.stop();
      await other.close();
    });

    it('a reader of a tail that throws does not end the tail', async () => {
      const subject = eventSubject(`tail.${randomUUID()}`);
      const seen = new Collector<string>();
      const tail = await broker.tail(streamNames.events, subject, (message) => {
        seen.add(textOf(message));
        throw new Error('broken reader');
      });
      await broker.publish({ subject, body: text('1') });
      await broker.publish({ subject, body: text('2') });
      expect(await seen.reached(2)).toEqual(['1', '2']);
      await tail.stop();
    });

    it('names the durable consumers of a stream, from a cache of bounded age', async () => {
      const spec = specFor();
      expect(await broker.consumerNames(spec.stream, 0)).not.toContain(spec.consumer);
      const reading = await broker.consume(spec, async () => ack);
      expect(await broker.consumerNames(spec.stream, 60_000)).not.toContain(spec.consumer);
      expect(await broker.consumerNames(spec.stream, 0)).toContain(spec.consumer);
      await reading.stop();
    });

    it('refuses a subject that no stream is defined for', async () => {
      await expect(broker.publish({ subject: 'nowhere.at.all', body: text('x') })).rejects.toThrow(
        TerminalError,
      );
    });

    it('refuses for good what is larger than the broker takes', async () => {
      const body = Buffer.alloc(9 * 1024 * 1024);
      await expect(broker.publish({ subject: eventSubject('test.large'), body })).rejects.toThrow(
        TerminalError,
      );
    });

    it('gives what a reader that stands still has to another, and counts', async () => {
      const spec = specFor({ ackWaitMillis: 1_000, concurrency: 1 });
      const stuck = await setup.stuckReader(spec);
      await broker.publish({ subject: spec.filterSubject, body: text('x') });
      await stuck.taken;
      const seen = new Collector<string>();
      const reading = await broker.consume(spec, async (message) => {
        seen.add(`${textOf(message)}/${message.deliveryCount}`);
        return ack;
      });
      expect(await seen.reached(1)).toEqual(['x/2']);
      await stuck.kill();
      await reading.stop();
    });

    it('takes a late acknowledgement, even while another works on the message', async () => {
      const spec = specFor({ ackWaitMillis: 1_000, concurrency: 1 });
      const stuck = await setup.stuckReader(spec);
      await broker.publish({ subject: spec.filterSubject, body: text('x') });
      await stuck.taken;
      const seen = new Collector<string>();
      const late = deferred();
      const reading = await broker.consume(spec, async (message) => {
        seen.add(`${textOf(message)}/${message.deliveryCount}`);
        if (textOf(message) !== 'x') return ack;
        await late.promise;
        return { kind: 'retry', delayMillis: 0 };
      });
      await seen.includes('x/2');
      await stuck.goOn();
      await stuck.kill();
      late.resolve();
      await broker.publish({ subject: spec.filterSubject, body: text('next') });
      await seen.includes('next/1');
      await setup.wait(1_500);
      expect(seen.items).toEqual(['x/2', 'next/1']);
      await reading.stop();
    });

    it('publishes into a stream that is missing by making it, numbered from 1', async () => {
      const subject = deadLetterSubject(`test-${randomUUID()}`);
      await broker.publish({ subject, body: text('old') });
      await setup.deleteStream(streamNames.deadLetters);
      await broker.publish({ subject, body: text('new') });
      const spec = specFor({ stream: streamNames.deadLetters, filterSubject: subject, deliver: 'all' });
      const seen = new Collector<string>();
      const reading = await broker.consume(spec, async (message) => {
        seen.add(`${textOf(message)} #${message.streamSequence}`);
        return ack;
      });
      expect(await seen.reached(1)).toEqual(['new #1']);
      await reading.stop();
    });

    it('goes on when a stream is deleted under its readers: two of one consumer, and a tail', async () => {
      const other = await setup.open();
      const subject = deadLetterSubject(`test-${randomUUID()}`);
      const spec = specFor({ stream: streamNames.deadLetters, filterSubject: subject, concurrency: 1 });
      const tailed = new Collector<string>();
      const tail = await other.tail(spec.stream, subject, (message) => {
        tailed.add(`${textOf(message)} #${message.streamSequence}`);
      });
      // Both hands are needed at once, so each client gets one message.
      const both = Array.from({ length: 2 }, () => deferred());
      const seen = new Collector<string>();
      const handler = async (message: IncomingMessage): Promise<Verdict> => {
        seen.add(`${textOf(message)} #${message.streamSequence}`);
        if (seen.items.length % 2 === 0) both[seen.items.length / 2 - 1]?.resolve();
        await both[Math.ceil(seen.items.length / 2) - 1]?.promise;
        return ack;
      };
      const readings = [await broker.consume(spec, handler), await other.consume(spec, handler)];
      await broker.publish({ subject, body: text('a') });
      await broker.publish({ subject, body: text('b') });
      await seen.reached(2);
      await tailed.reached(2);
      await setup.deleteStream(spec.stream);
      await broker.publish({ subject, body: text('c') });
      await broker.publish({ subject, body: text('d') });
      expect([...(await seen.reached(4))].slice(2).toSorted()).toEqual(['c #1', 'd #2']);
      expect((await tailed.reached(4)).slice(2)).toEqual(['c #1', 'd #2']);
      await Promise.all(readings.map((reading) => reading.stop()));
      await tail.stop();
      await other.close();
    });

    it('knows no message ids in a stream that was made anew', async () => {
      const subject = deadLetterSubject(`test-${randomUUID()}`);
      const messageId = randomUUID();
      const seen = new Collector<string>();
      const spec = specFor({ stream: streamNames.deadLetters, filterSubject: subject });
      const reading = await broker.consume(spec, async (message) => {
        seen.add(textOf(message));
        return ack;
      });
      await broker.publish({ subject, body: text('one'), messageId });
      await seen.reached(1);
      await setup.deleteStream(spec.stream);
      await broker.publish({ subject, body: text('two'), messageId });
      expect(await seen.reached(2)).toEqual(['one', 'two']);
      await reading.stop();
    });

    it('delivers to each consumer what fits its filter, wildcards included', async () => {
      const id = randomUUID();
      const seen = new Collector<string>();
      const filters = [`events.${id}.a.one`, `events.${id}.*.one`, `events.${id}.>`];
      const readings = await Promise.all(
        filters.map(async (filterSubject, index) =>
          broker.consume(specFor({ filterSubject }), async (message) => {
            seen.add(`${index} ${textOf(message)}`);
            return ack;
          }),
        ),
      );
      for (const subject of ['a.one', 'b.one', 'b.two', 'a.one.more']) {
        await broker.publish({ subject: `events.${id}.${subject}`, body: text(subject) });
      }
      const items = [...(await seen.reached(7))].toSorted();
      expect(items).toEqual(
        ['0 a.one', '1 a.one', '1 b.one', '2 a.one', '2 a.one.more', '2 b.one', '2 b.two'].toSorted(),
      );
      for (const reading of readings) await reading.stop();
    });

    it('answers a ping', async () => {
      await expect(broker.ping(1_000)).resolves.toBeUndefined();
    });
  });
}
