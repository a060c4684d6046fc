import type { SimProcess } from '../kernel/host.ts';
import { awayRetryMillis, reorderHoldMillis } from './bus-context.ts';
import type { BusContext } from './bus-context.ts';
import type { BusRecord } from './bus-record.ts';
import { subjectFilter } from './bus-record.ts';

/** A durable pull consumer at the server: what is delivered and not acknowledged, and who has free hands. */

/** Where a consumer reads. Its stream, without what only publishers need. */
export interface RecordSource {
  readonly name: string;
  readonly lastSequence: number;
  at(sequence: number): BusRecord | undefined;
}

/** A subscription, as the server sees it. */
export interface Receiver {
  readonly process: SimProcess;
  /** Messages that it has asked for and that have not come. */
  free(): number;
  receive(record: BusRecord, deliveryCount: number): void;
  /** The server says that the consumer is gone. */
  consumerGone(): void;
}

export interface ConsumerSettings {
  readonly name: string;
  readonly filterSubject: string;
  readonly ackWaitMillis: number;
  /** First sequence to read. */
  readonly start: number;
}

interface Delivered {
  readonly record: BusRecord;
  readonly firstProcess: string;
  deliveryCount: number;
  /** When it is delivered again unless something comes before; `again`: it waits for a free hand. */
  deadlineMillis: number;
  state: 'out' | 'again';
}

/** As the real adapter sets it, over all processes (nats/ensure-consumer.ts). */
const maxAckPending = 5_000;

export class BusConsumer {
  readonly name: string;
  readonly settings: ConsumerSettings;
  readonly #context: BusContext;
  readonly #stream: RecordSource;
  readonly #matches: (subject: string) => boolean;
  readonly #delivered = new Map<number, Delivered>();
  readonly #receivers: Receiver[] = [];
  #again: number[] = [];
  #next: number;
  #turn = 0;
  #heldBack: BusRecord | undefined;
  #timer: { readonly atMillis: number; readonly cancel: () => void } | undefined;
  #isRetrying = false;
  #hasEnded = false;
  #redeliveries = 0;

  constructor(context: BusContext, stream: RecordSource, settings: ConsumerSettings) {
    this.#context = context;
    this.#stream = stream;
    this.settings = settings;
    this.name = settings.name;
    this.#next = settings.start;
    this.#matches = subjectFilter(settings.filterSubject);
  }

  get redeliveries(): number {
    return this.#redeliveries;
  }

  /** Delivered and neither acknowledged nor given up. */
  get unacknowledged(): number {
    return this.#delivered.size;
  }

  /** Stored, wanted, and never delivered. */
  get pending(): number {
    let count = this.#heldBack === undefined ? 0 : 1;
    for (let sequence = this.#next; sequence <= this.#stream.lastSequence; sequence += 1) {
      const record = this.#stream.at(sequence);
      if (record !== undefined && this.#matches(record.subject)) count += 1;
    }
    return count;
  }

  /** Everything up to here is acknowledged. */
  get ackFloor(): number {
    let lowest = this.#heldBack?.sequence ?? this.#next;
    for (const sequence of this.#delivered.keys()) lowest = Math.min(lowest, sequence);
    return lowest - 1;
  }

  add(receiver: Receiver): void {
    this.#receivers.push(receiver);
    this.pump();
  }

  remove(receiver: Receiver): void {
    const at = this.#receivers.indexOf(receiver);
    if (at >= 0) this.#receivers.splice(at, 1);
  }

  onStored(record: BusRecord): void {
    if (this.#matches(record.subject)) this.pump();
  }

  /** Delivers as long as there are messages and free hands. */
  pump(): void {
    while (!this.#hasEnded && this.#delivered.size < maxAckPending) {
      const record = this.#peekAgain() ?? this.#peekNew();
      if (record === undefined) return;
      const receiver = this.#freeReceiver();
      if (receiver === undefined) return;
      if (this.#context.isAway(this.#stream.name, receiver.process.name)) {
        this.#pumpLater();
        return;
      }
      this.#take(record);
      if (this.#holdsBack(record, receiver)) continue;
      this.#deliver(record, receiver);
      const overtaken = this.#heldBack;
      if (overtaken === undefined) continue;
      this.#context.sim.count('bus: overtaken');
      this.#release(overtaken);
    }
  }

  /** An acknowledgement reached the server. It names the sequence only: one of an older life of the consumer counts, too. */
  ack(sequence: number, deliveryCount: number, process: string): void {
    const entry = this.#delivered.get(sequence);
    if (entry === undefined) return;
    if (entry.state === 'again' || entry.deliveryCount !== deliveryCount) {
      this.#context.sim.count('bus: late acknowledgement');
    }
    this.#delivered.delete(sequence);
    if (!this.#context.sim.faults.bites('bus.duplicate', this.#stream.name, process)) return;
    // Up to three waits later: while the next step runs, or long after it.
    this.#context.sim.after(this.#context.random.next() * 3 * this.settings.ackWaitMillis, () => {
      if (this.#hasEnded || this.#stream.at(sequence) !== entry.record || this.#delivered.has(sequence))
        return;
      this.#delivered.set(sequence, entry);
      this.#queueAgain(entry);
      this.pump();
    });
  }

  nak(sequence: number, delayMillis: number): void {
    const entry = this.#delivered.get(sequence);
    if (entry === undefined) return;
    if (delayMillis > 0) {
      entry.deadlineMillis = this.#context.sim.nowMillis + delayMillis;
      this.#arm(entry.deadlineMillis);
      return;
    }
    this.#queueAgain(entry);
    this.pump();
  }

  /** The reader still works on it: its time begins anew. */
  working(sequence: number): void {
    const entry = this.#delivered.get(sequence);
    if (entry?.state !== 'out') return;
    entry.deadlineMillis = this.#context.sim.nowMillis + this.settings.ackWaitMillis;
  }

  /** The stream lost its end: the position goes back with it. */
  truncate(lastSequence: number): void {
    this.#next = Math.min(this.#next, lastSequence + 1);
    for (const sequence of this.#delivered.keys()) {
      if (sequence > lastSequence) this.#delivered.delete(sequence);
    }
    if (this.#heldBack !== undefined && this.#heldBack.sequence > lastSequence) this.#heldBack = undefined;
  }

  /** For snapshots: where it reads, and what is owed. */
  get position(): { readonly next: number; readonly owed: readonly number[] } {
    const owed = [...this.#delivered.keys()];
    if (this.#heldBack !== undefined) owed.push(this.#heldBack.sequence);
    return { next: this.#next, owed };
  }

  /** Everything that was owed comes again when its time is over, as after a start of the server. */
  owe(sequences: readonly number[]): void {
    for (const sequence of sequences) {
      const record = this.#stream.at(sequence);
      if (record === undefined) continue;
      const deadlineMillis = this.#context.sim.nowMillis + this.settings.ackWaitMillis;
      this.#delivered.set(sequence, {
        record,
        firstProcess: '',
        deliveryCount: 1,
        deadlineMillis,
        state: 'out',
      });
      this.#arm(deadlineMillis);
    }
  }

  end(): void {
    this.#hasEnded = true;
    this.#timer?.cancel();
    for (const receiver of this.#receivers.splice(0)) receiver.consumerGone();
  }

  #freeReceiver(): Receiver | undefined {
    for (let step = 0; step < this.#receivers.length; step += 1) {
      const receiver = this.#receivers[(this.#turn + step) % this.#receivers.length];
      if (receiver === undefined || receiver.free() <= 0) continue;
      this.#turn = (this.#turn + step + 1) % this.#receivers.length;
      return receiver;
    }
    return undefined;
  }

  #peekAgain(): BusRecord | undefined {
    for (;;) {
      const sequence = this.#again[0];
      if (sequence === undefined) return undefined;
      const entry = this.#delivered.get(sequence);
      if (entry?.state === 'again' && this.#stream.at(sequence) === entry.record) return entry.record;
      // Acknowledged in between, or gone with the stream's end, or too old.
      if (entry?.state === 'again') this.#delivered.delete(sequence);
      this.#again.shift();
    }
  }

  #peekNew(): BusRecord | undefined {
    for (; this.#next <= this.#stream.lastSequence; this.#next += 1) {
      const record = this.#stream.at(this.#next);
      if (record !== undefined && this.#matches(record.subject)) return record;
    }
    return undefined;
  }

  #take(record: BusRecord): void {
    if (this.#again[0] === record.sequence) this.#again.shift();
    else this.#next = record.sequence + 1;
  }

  #holdsBack(record: BusRecord, receiver: Receiver): boolean {
    if (this.#heldBack !== undefined || this.#delivered.has(record.sequence)) return false;
    const { sim } = this.#context;
    if (!sim.faults.bites('bus.reorder', this.#stream.name, receiver.process.name)) return false;
    this.#heldBack = record;
    sim.after(reorderHoldMillis, () => this.#release(record));
    return true;
  }

  /** What was held back is next. */
  #release(record: BusRecord): void {
    if (this.#heldBack !== record) return;
    this.#heldBack = undefined;
    if (this.#hasEnded) return;
    const entry: Delivered = {
      record,
      firstProcess: '',
      deliveryCount: 0,
      deadlineMillis: Number.POSITIVE_INFINITY,
      state: 'again',
    };
    this.#delivered.set(record.sequence, entry);
    this.#again.unshift(record.sequence);
    this.#pumpLater(0);
  }

  #deliver(record: BusRecord, receiver: Receiver): void {
    const { sim } = this.#context;
    const process = receiver.process.name;
    const known = this.#delivered.get(record.sequence);
    const entry: Delivered = {
      record,
      firstProcess: known?.firstProcess || process,
      deliveryCount: (known?.deliveryCount ?? 0) + 1,
      deadlineMillis: sim.nowMillis + this.settings.ackWaitMillis,
      state: 'out',
    };
    this.#delivered.set(record.sequence, entry);
    if (entry.deliveryCount > 1) {
      this.#redeliveries += 1;
      sim.count('bus: redelivered');
      if (entry.firstProcess !== process) sim.count('bus: redelivered to another process');
    }
    this.#arm(entry.deadlineMillis);
    receiver.receive(record, entry.deliveryCount);
  }

  #queueAgain(entry: Delivered): void {
    if (entry.state === 'again' && this.#again.includes(entry.record.sequence)) return;
    entry.state = 'again';
    this.#again.push(entry.record.sequence);
  }

  /** One timer for all that is open, at the earliest moment. */
  #arm(atMillis: number): void {
    if (this.#hasEnded || (this.#timer !== undefined && this.#timer.atMillis <= atMillis)) return;
    this.#timer?.cancel();
    const cancel = this.#context.sim.after(atMillis - this.#context.sim.nowMillis, () => this.#expire());
    this.#timer = { atMillis, cancel };
  }

  #expire(): void {
    this.#timer = undefined;
    const { nowMillis } = this.#context.sim;
    let nextMillis = Number.POSITIVE_INFINITY;
    for (const entry of this.#delivered.values()) {
      if (entry.state === 'again') continue;
      if (entry.deadlineMillis <= nowMillis) this.#queueAgain(entry);
      else nextMillis = Math.min(nextMillis, entry.deadlineMillis);
    }
    if (nextMillis < Number.POSITIVE_INFINITY) this.#arm(nextMillis);
    this.pump();
  }

  #pumpLater(delayMillis = awayRetryMillis): void {
    if (delayMillis > 0 && this.#isRetrying) return;
    if (delayMillis > 0) this.#isRetrying = true;
    this.#context.sim.after(delayMillis, () => {
      if (delayMillis > 0) this.#isRetrying = false;
      this.pump();
    });
  }
}
