import type { StreamDefinition } from '@sagamesh/runtime/streams';
import { duplicateWindowMillis } from '@sagamesh/runtime/streams';
import type { BusConsumer } from './bus-consumer.ts';
import type { BusContext } from './bus-context.ts';
import type { BusRecord, Fate, Outgoing } from './bus-record.ts';
import { headerReader } from './bus-record.ts';

/** One life of a stream: limits retention with a maximum age, sequence numbers from 1, a window in which repeated ids are dropped. */

/** Who is told that a message came: the readers at the server's side. */
export interface StreamReader {
  onStored(record: BusRecord): void;
  /** The server dropped what it read with. */
  consumerGone(): void;
}

export class BusStream {
  readonly name: string;
  readonly incarnation: number;
  readonly consumers = new Map<string, BusConsumer>();
  readonly tails = new Set<StreamReader>();
  readonly #context: BusContext;
  readonly #maxAgeMillis: number;
  /** Sequence n is at n - 1. What is lost stays as a hole. Only ever appended to or replaced: snapshots share it. */
  #records: BusRecord[] = [];
  readonly #ids = new Map<string, { readonly sequence: number; readonly atMillis: number }>();

  constructor(context: BusContext, definition: StreamDefinition, incarnation: number) {
    this.#context = context;
    this.name = definition.name;
    this.incarnation = incarnation;
    this.#maxAgeMillis = definition.maxAgeMillis;
  }

  get lastSequence(): number {
    return this.#records.length;
  }

  /** For snapshots: with the number of messages it says all. */
  get records(): readonly BusRecord[] {
    return this.#records;
  }

  /** The message, when readers still get it. */
  at(sequence: number): BusRecord | undefined {
    const record = this.#records[sequence - 1];
    if (record === undefined || record.fate !== 'stored') return undefined;
    return this.#context.sim.nowMillis - record.atMillis > this.#maxAgeMillis ? undefined : record;
  }

  /** The sequence under which this message id is stored already. */
  repeatOf(messageId: string | undefined): number | undefined {
    const nowMillis = this.#context.sim.nowMillis;
    for (const [id, { atMillis }] of this.#ids) {
      if (nowMillis - atMillis <= duplicateWindowMillis) break;
      this.#ids.delete(id);
    }
    return messageId === undefined ? undefined : this.#ids.get(messageId)?.sequence;
  }

  /** Appends; readers are told by `announce`. */
  store(outgoing: Outgoing, publisher: string): BusRecord {
    const record: BusRecord = {
      ...outgoing,
      stream: this.name,
      incarnation: this.incarnation,
      sequence: this.#records.length + 1,
      atMillis: this.#context.sim.nowMillis,
      publisher,
      reader: headerReader(outgoing),
      fate: 'stored',
    };
    this.#records.push(record);
    this.#remember(record);
    return record;
  }

  announce(record: BusRecord): void {
    for (const consumer of this.consumers.values()) consumer.onStored(record);
    for (const tail of this.tails) tail.onStored(record);
  }

  /** False: there was nothing to forget. */
  forgetIds(): boolean {
    this.repeatOf(undefined);
    const had = this.#ids.size > 0;
    this.#ids.clear();
    return had;
  }

  /** As a start does (nats-server, rebuildDedupe): only ids of messages that are still stored. */
  rebuildIds(): void {
    this.#ids.clear();
    const oldestMillis = this.#context.sim.nowMillis - duplicateWindowMillis;
    const first = this.#records.findLastIndex((record) => record.atMillis < oldestMillis) + 1;
    for (const record of this.#records.slice(first)) if (record.fate === 'stored') this.#remember(record);
  }

  /** Forgets everything behind the sequence; it will be given again. */
  truncate(lastSequence: number): void {
    for (const record of this.#records.slice(lastSequence)) record.fate = 'undone';
    this.#records = this.#records.slice(0, lastSequence);
    this.rebuildIds();
    for (const consumer of this.consumers.values()) consumer.truncate(lastSequence);
  }

  /** The state of a snapshot; what it does not have is `undone`. */
  restore(records: readonly BusRecord[], length: number): void {
    this.end('undone');
    this.#records = records.slice(0, length);
    for (const record of this.#records) if (record.fate !== 'lost') record.fate = 'stored';
    this.rebuildIds();
  }

  /** The stream is no more, or not as it was. */
  end(fate: Fate): void {
    for (const record of this.#records) if (record.fate === 'stored') record.fate = fate;
    for (const consumer of this.consumers.values()) consumer.end();
    this.consumers.clear();
    for (const tail of this.tails) tail.consumerGone();
    this.tails.clear();
  }

  #remember({ messageId, sequence, atMillis }: BusRecord): void {
    if (messageId !== undefined) this.#ids.set(messageId, { sequence, atMillis });
  }
}
