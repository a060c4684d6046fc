import type { BusContext } from './bus-context.ts';
import type { BusRecord } from './bus-record.ts';
import { BusConsumer } from './bus-consumer.ts';
import type { ConsumerSettings } from './bus-consumer.ts';
import type { BusStream } from './bus-stream.ts';

/** Older copies of the whole store: how far each stream and consumer was, not what it held. */

interface StreamMark {
  readonly stream: BusStream;
  readonly records: readonly BusRecord[];
  readonly length: number;
  readonly consumers: readonly {
    readonly settings: ConsumerSettings;
    readonly next: number;
    readonly owed: readonly number[];
  }[];
}

export interface StoreMark {
  readonly atMillis: number;
  readonly streams: readonly StreamMark[];
}

/** A mark is made with a message that comes so much after the one before; so many are kept. */
const intervalMillis = 2_000;
const keptMax = 30;

export class BusSnapshots {
  readonly #context: BusContext;
  readonly #streams: Map<string, BusStream>;
  #marks: StoreMark[] = [];

  constructor(context: BusContext, streams: Map<string, BusStream>) {
    this.#context = context;
    this.#streams = streams;
  }

  /** Called before something is stored. */
  markWhenDue(): void {
    const { nowMillis } = this.#context.sim;
    const last = this.#marks.at(-1);
    if (last !== undefined && nowMillis - last.atMillis < intervalMillis) return;
    const streams = [...this.#streams.values()].map((stream) => ({
      stream,
      records: stream.records,
      length: stream.lastSequence,
      consumers: [...stream.consumers.values()].map(({ settings, position }) => ({ settings, ...position })),
    }));
    this.#marks.push({ atMillis: nowMillis, streams });
    if (this.#marks.length > keptMax) this.#marks.shift();
  }

  /** Puts back one of the marks that differ from the present. False: there is none. */
  restore(): boolean {
    const older = this.#marks.filter((mark) => this.#differs(mark));
    if (older.length === 0) return false;
    const mark = this.#context.random.pick(older);
    this.#marks = this.#marks.filter(({ atMillis }) => atMillis <= mark.atMillis);
    for (const stream of this.#streams.values()) stream.end('undone');
    this.#streams.clear();
    for (const one of mark.streams) this.#putBack(one);
    return true;
  }

  #putBack({ stream, records, length, consumers }: StreamMark): void {
    stream.restore(records, length);
    this.#streams.set(stream.name, stream);
    for (const { settings, next, owed } of consumers) {
      const consumer = new BusConsumer(this.#context, stream, { ...settings, start: next });
      consumer.owe(owed);
      stream.consumers.set(settings.name, consumer);
    }
  }

  #differs({ streams }: StoreMark): boolean {
    return (
      streams.length !== this.#streams.size ||
      streams.some(
        ({ stream, length }) => this.#streams.get(stream.name) !== stream || stream.lastSequence !== length,
      )
    );
  }
}
