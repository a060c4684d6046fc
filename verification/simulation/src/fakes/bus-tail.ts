import type { IncomingMessage, Subscription } from '@sagamesh/runtime/broker';
import { awayRetryMillis, delayMaxMillis, reorderHoldMillis } from './bus-context.ts';
import { incomingOf, reconnectMillis, startAfterLoss } from './bus-link.ts';
import type { BusLink, Connected, Position } from './bus-link.ts';
import type { BusRecord } from './bus-record.ts';
import { subjectFilter } from './bus-record.ts';
import type { BusStream, StreamReader } from './bus-stream.ts';

/** A process that reads everything new on a stream with an ephemeral consumer of its own, acknowledging nothing. */

/** A tail hears by silence alone that its consumer is gone (nats/tail.ts): heartbeats, how long it waits for one, how often it looks. */
const heartbeatMillis = 500;
const silenceMillis = 1_300;
const watchMillis = 250;

export class BusTail implements Subscription, StreamReader, Connected {
  readonly stream: string;
  readonly #link: BusLink;
  readonly #matches: (subject: string) => boolean;
  readonly #handler: (message: IncomingMessage) => void;
  #position: Position | undefined;
  #source: BusStream | undefined;
  #next = 0;
  #attaching: Promise<void> | undefined;
  #heldBack: BusRecord | undefined;
  #lastArrivalMillis = 0;
  /** Counts the consumers: what an earlier one sent is not read any more. */
  #epoch = 0;
  #isRetrying = false;
  #isStopped = false;

  constructor(
    link: BusLink,
    source: { readonly stream: string; readonly filterSubject: string },
    handler: (message: IncomingMessage) => void,
  ) {
    this.stream = source.stream;
    this.#link = link;
    this.#matches = subjectFilter(source.filterSubject);
    this.#handler = handler;
    link.server.connected.add(this);
    link.process.onDeath(() => this.#detach());
  }

  /** Resolves when the consumer exists, or when stopped. */
  attach(): Promise<void> {
    this.#attaching ??= this.#link
      .requestWhile(
        () => !this.#isStopped && this.#source === undefined,
        this.stream,
        () => this.#attachAtServer(),
      )
      .finally(() => (this.#attaching = undefined));
    return this.#attaching;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#detach();
  }

  onStored(record: BusRecord): void {
    if (this.#matches(record.subject)) this.#pump();
  }

  /** The server dropped the consumer; the client notices after some silence. */
  consumerGone(): void {
    this.#source?.tails.delete(this);
    this.#source = undefined;
    const { random } = this.#link.server;
    const noticedMillis = silenceMillis - random.next() * heartbeatMillis + random.next() * watchMillis;
    this.#link.process.clock.schedule(noticedMillis, () => void this.attach());
  }

  connectionLost(): void {
    this.#source?.tails.delete(this);
    this.#source = undefined;
    this.#epoch += 1;
    const { server, process } = this.#link;
    const waitMillis = Math.max(0, server.upAtMillis - server.sim.nowMillis);
    process.clock.schedule(waitMillis + server.random.next() * reconnectMillis, () => void this.attach());
  }

  #attachAtServer(): void {
    if (this.#isStopped) return;
    const stream = this.#link.server.streamFor(this.stream, this.#link.process);
    if (stream === undefined) return;
    const start =
      this.#position === undefined ? stream.lastSequence + 1 : startAfterLoss(this.#position, stream);
    this.#position = { incarnation: stream.incarnation, floor: start - 1 };
    this.#epoch += 1;
    this.#source = stream;
    this.#next = start;
    stream.tails.add(this);
    this.#pump();
  }

  #pump(): void {
    const source = this.#source;
    if (source === undefined) return;
    const { server, process } = this.#link;
    for (; this.#next <= source.lastSequence; this.#next += 1) {
      const record = source.at(this.#next);
      if (record === undefined || !this.#matches(record.subject)) continue;
      if (server.isAway(this.stream, process.name)) {
        this.#pumpLater();
        return;
      }
      if (this.#holdsBack(record)) continue;
      this.#send(record);
      if (this.#heldBack === undefined) continue;
      server.sim.count('bus: overtaken');
      this.#release(this.#heldBack);
    }
  }

  #holdsBack(record: BusRecord): boolean {
    if (this.#heldBack !== undefined) return false;
    const { server, process } = this.#link;
    if (!server.sim.faults.bites('bus.reorder', this.stream, process.name)) return false;
    this.#heldBack = record;
    server.sim.after(reorderHoldMillis, () => this.#release(record));
    return true;
  }

  #release(record: BusRecord): void {
    if (this.#heldBack !== record) return;
    this.#heldBack = undefined;
    if (record.fate === 'stored') this.#send(record);
  }

  #send(record: BusRecord): void {
    const { server, process } = this.#link;
    const { sim } = server;
    const copies = sim.faults.bites('bus.duplicate', this.stream, process.name) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (sim.faults.bites('bus.delay', this.stream, process.name)) {
        const lateMillis = server.latencyMillis() + sim.faults.delayMillis(delayMaxMillis);
        sim.after(lateMillis, () => process.deliver(() => this.#accept(record)));
        continue;
      }
      const epoch = this.#epoch;
      this.#lastArrivalMillis = Math.max(this.#lastArrivalMillis, sim.nowMillis + server.latencyMillis());
      sim.after(this.#lastArrivalMillis - sim.nowMillis, () =>
        process.deliver(() => {
          if (epoch === this.#epoch) this.#accept(record);
        }),
      );
    }
  }

  #accept(record: BusRecord): void {
    if (this.#isStopped) return;
    const position = this.#position;
    if (position?.incarnation === record.incarnation && record.sequence > position.floor) {
      this.#position = { incarnation: record.incarnation, floor: record.sequence };
    }
    const { sim } = this.#link.server;
    sim.trace.add(sim.nowMillis, this.#link.process.name, `reads ${record.subject} #${record.sequence}`);
    try {
      this.#handler(incomingOf(record, 1));
    } catch {
      sim.count('bus: reader threw');
    }
  }

  #pumpLater(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#link.server.sim.after(awayRetryMillis, () => {
      this.#isRetrying = false;
      this.#pump();
    });
  }

  #detach(): void {
    this.#source?.tails.delete(this);
    this.#source = undefined;
    this.#link.server.connected.delete(this);
  }
}
