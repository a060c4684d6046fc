import type { DurableConsumerSpec, IncomingMessage, Subscription, Verdict } from '@sagamesh/runtime/broker';
import { OpenMessages } from '@sagamesh/runtime/nats/open-messages';
import type { SimProcess } from '../kernel/host.ts';
import { BusConsumer } from './bus-consumer.ts';
import type { Receiver } from './bus-consumer.ts';
import { delayMaxMillis } from './bus-context.ts';
import { incomingOf, reconnectMillis, startAfterLoss } from './bus-link.ts';
import type { BusLink, Connected } from './bus-link.ts';
import type { BusRecord } from './bus-record.ts';

/** A process's side of a durable consumer: free hands, running handlers, signs of life, acknowledgements. */

export type BusHandler = (message: IncomingMessage) => Promise<Verdict>;

/** A pull request lives so long at the server (nats/consume.ts): a process that stands still is asked no longer than that. */
const pullExpiresMillis = 5_000;
/** After a handler that threw (broker.ts). */
const thrownRetryMillis = 1_000;

interface Held {
  readonly record: BusRecord;
  readonly deliveryCount: number;
}

export class BusSubscription implements Subscription, Receiver, Connected {
  readonly process: SimProcess;
  readonly #link: BusLink;
  readonly #spec: DurableConsumerSpec;
  readonly #handler: BusHandler;
  readonly #open = new OpenMessages();
  readonly #running = new Set<Held>();
  readonly #waiting: Held[] = [];
  #consumer: BusConsumer | undefined;
  #incarnation: number | undefined;
  #attaching: Promise<void> | undefined;
  /** Counts the connections: what was on its way in an earlier one does not come any more. */
  #epoch = 0;
  #onTheWay = 0;
  #lastArrivalMillis = 0;
  #standsStillSinceMillis: number | undefined;
  #isKeepingAlive = false;
  #isStopping = false;
  #idle: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(link: BusLink, spec: DurableConsumerSpec, handler: BusHandler) {
    this.process = link.process;
    this.#link = link;
    this.#spec = spec;
    this.#handler = handler;
    link.server.connected.add(this);
    link.process.onDeath(() => this.#detach());
  }

  /** Resolves when stream and consumer exist and messages may come, or when stopped. */
  attach(): Promise<void> {
    this.#attaching ??= this.#link
      .requestWhile(
        () => !this.#isStopping && this.#consumer === undefined,
        this.#spec.stream,
        () => this.#attachAtServer(),
      )
      .finally(() => (this.#attaching = undefined));
    return this.#attaching;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopNow();
    return this.#stopped;
  }

  free(): number {
    if (this.#isStopping || !this.process.isAlive) return 0;
    const free = this.#spec.concurrency - this.#running.size - this.#waiting.length - this.#onTheWay;
    if (!this.process.isPaused) {
      this.#standsStillSinceMillis = undefined;
      return free;
    }
    const { nowMillis } = this.#link.server.sim;
    if (this.#standsStillSinceMillis === undefined) {
      this.#standsStillSinceMillis = nowMillis;
      // It asks again when it goes on.
      this.process.deliver(() => this.#consumer?.pump());
    }
    return nowMillis - this.#standsStillSinceMillis < pullExpiresMillis ? free : 0;
  }

  receive(record: BusRecord, deliveryCount: number): void {
    const { server } = this.#link;
    const { sim } = server;
    const epoch = this.#epoch;
    const held: Held = { record, deliveryCount };
    if (sim.faults.bites('bus.delay', this.#spec.stream, this.process.name)) {
      // It holds no hand while it is late: others pass.
      const lateMillis = server.latencyMillis() + sim.faults.delayMillis(delayMaxMillis);
      sim.after(lateMillis, () => this.process.deliver(() => this.#accept(held)));
      return;
    }
    this.#onTheWay += 1;
    this.#lastArrivalMillis = Math.max(this.#lastArrivalMillis, sim.nowMillis + server.latencyMillis());
    sim.after(this.#lastArrivalMillis - sim.nowMillis, () =>
      this.process.deliver(() => {
        if (epoch !== this.#epoch) return;
        this.#onTheWay -= 1;
        this.#accept(held);
      }),
    );
  }

  consumerGone(): void {
    this.#consumer = undefined;
    const { server } = this.#link;
    // The server tells whoever is asking.
    server.sim.after(server.latencyMillis(), () => this.process.deliver(() => void this.attach()));
  }

  connectionLost(): void {
    this.#consumer?.remove(this);
    this.#consumer = undefined;
    this.#epoch += 1;
    this.#onTheWay = 0;
    const { server } = this.#link;
    const waitMillis = Math.max(0, server.upAtMillis - server.sim.nowMillis);
    this.process.clock.schedule(waitMillis + server.random.next() * reconnectMillis, () => {
      void this.attach();
    });
  }

  #attachAtServer(): void {
    if (this.#isStopping) return;
    const { server } = this.#link;
    const stream = server.streamFor(this.#spec.stream, this.process);
    if (stream === undefined) return;
    let consumer = stream.consumers.get(this.#spec.consumer);
    if (consumer === undefined) {
      consumer = new BusConsumer(server, stream, {
        name: this.#spec.consumer,
        filterSubject: this.#spec.filterSubject,
        ackWaitMillis: this.#spec.ackWaitMillis,
        start:
          this.#incarnation === undefined
            ? this.#spec.deliver === 'new'
              ? stream.lastSequence + 1
              : 1
            : startAfterLoss({ incarnation: this.#incarnation, floor: this.#open.floor() }, stream),
      });
      stream.consumers.set(consumer.name, consumer);
      server.noteConsumer(stream.name, consumer.name);
    }
    if (this.#incarnation === stream.incarnation) this.#open.settleUpTo(consumer.ackFloor);
    else this.#open.reset(consumer.ackFloor);
    this.#incarnation = stream.incarnation;
    this.#consumer = consumer;
    consumer.add(this);
  }

  #accept(held: Held): void {
    const { record } = held;
    if (this.#isStopping) {
      this.#giveBack(held);
      return;
    }
    this.#open.received(record.sequence);
    this.#link.server.sim.trace.add(
      this.#link.server.sim.nowMillis,
      this.process.name,
      `gets ${record.subject} #${record.sequence} x${held.deliveryCount}`,
    );
    this.#keepAlive();
    if (this.#running.size < this.#spec.concurrency) void this.#run(held);
    else this.#waiting.push(held);
  }

  async #run(held: Held): Promise<void> {
    this.#running.add(held);
    const verdict = await this.#verdictOn(held);
    if (verdict.kind === 'ack') {
      this.#open.settled(held.record.sequence);
      this.#tell('ack', held, (consumer) =>
        consumer.ack(held.record.sequence, held.deliveryCount, this.process.name),
      );
    } else {
      this.#tell('retry', held, (consumer) => consumer.nak(held.record.sequence, verdict.delayMillis));
    }
    this.#running.delete(held);
    const next = this.#waiting.shift();
    if (next !== undefined) void this.#run(next);
    else if (this.#running.size === 0) this.#idle?.();
    this.#consumer?.pump();
  }

  async #verdictOn({ record, deliveryCount }: Held): Promise<Verdict> {
    try {
      return await this.#handler(incomingOf(record, deliveryCount));
    } catch {
      this.#link.server.sim.count('bus: handler threw');
      return { kind: 'retry', delayMillis: thrownRetryMillis };
    }
  }

  /** Sent and forgotten, as in the real adapter. */
  #tell(what: string, { record, deliveryCount }: Held, act: (consumer: BusConsumer) => void): void {
    const { stream, consumer } = this.#spec;
    const ack = { stream, consumer, record, deliveryCount, process: this.process.name };
    void this.process.effect('ack', `${what} ${consumer} #${record.sequence}`, () =>
      this.#link.server.acknowledge(ack, act),
    );
  }

  #giveBack(held: Held): void {
    this.#tell('return', held, (consumer) => consumer.nak(held.record.sequence, 0));
  }

  /** Signs of life for what is held; a process that is dead or stands still gives none. */
  #keepAlive(): void {
    if (this.#isKeepingAlive) return;
    this.#isKeepingAlive = true;
    this.process.clock.schedule(this.#spec.ackWaitMillis / 3, () => {
      this.#isKeepingAlive = false;
      const { server } = this.#link;
      if (server.upAtMillis <= server.sim.nowMillis) {
        for (const { record } of this.#running) this.#consumer?.working(record.sequence);
        for (const { record } of this.#waiting) this.#consumer?.working(record.sequence);
      }
      if (this.#running.size + this.#waiting.length > 0) this.#keepAlive();
    });
  }

  async #stopNow(): Promise<void> {
    this.#isStopping = true;
    for (const held of this.#waiting.splice(0)) this.#giveBack(held);
    // What is on its way still comes and is given back.
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    this.#detach();
  }

  #detach(): void {
    this.#consumer?.remove(this);
    this.#consumer = undefined;
    this.#link.server.connected.delete(this);
  }
}
