import { headerNames } from '@sagamesh/contracts/subjects';
import { nanos, type JetStreamManager, type Msg, type NatsConnection, type Subscription as Sub } from 'nats';
import type { DurableConsumerSpec, IncomingMessage, Subscription, Verdict } from '../broker.ts';
import { ensureError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { withTimeout } from '../timing.ts';
import type { NatsLink } from './connection.ts';
import { deliveryOf, statusCodeOf, type Delivery } from './delivery.ts';
import { ensureConsumer, type ReadPosition } from './ensure-consumer.ts';
import type { StreamKeeper } from './ensure-stream.ts';
import { OpenMessages } from './open-messages.ts';
import { nextBatch } from './pull-demand.ts';
import { isTold, tryUntilDone } from './try-again.ts';

/**
 * Reads a durable pull consumer with pull requests of our own. The client's `consume()` prefetches a fixed number whose ack_wait runs while
 * they wait, loops silently when the consumer is gone, and stalls on most refusals (nats 2.29.3); here every refusal and every
 * silence leads to one thing: look again, make again what is missing, ask again.
 */

export interface ConsumeContext {
  readonly link: NatsLink;
  readonly streams: StreamKeeper;
  readonly manager: () => Promise<JetStreamManager>;
  readonly logger: Logger;
}

export type Handler = (message: IncomingMessage) => Promise<Verdict>;

/** Life of one pull request at the server, and its sign of life in between. */
const pullExpiresMillis = 5_000;
const heartbeatMillis = 1_000;
/** Two heartbeats missed and something to spare. */
const silenceMillis = 2_500;
const watchMillis = 500;
/** A server that stands still must not keep us from stopping. */
const drainMillis = 1_000;
/** A handler that throws broke its promise; its message comes again after this. */
const thrownRetryMillis = 1_000;

/** Status codes of a pull request that simply ended: nothing there (404), time is up (408). */
const endedCodes: ReadonlySet<number> = new Set([404, 408]);
const heartbeatCode = 100;

const encoder = new TextEncoder();

export class PullSubscription implements Subscription {
  readonly #context: ConsumeContext;
  readonly #connection: NatsConnection;
  readonly #spec: DurableConsumerSpec;
  readonly #handler: Handler;
  readonly #inbox: string;
  #sub: Sub;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Delivery>();
  readonly #waiting: Delivery[] = [];
  readonly #open = new OpenMessages();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #offReconnect: () => void;
  #incarnation: string | undefined;
  #attached = false;
  /** Counts the times we began to ask anew. */
  #epoch = 0;
  /** Messages asked for and not yet come. The server deals requests out in turn, so only the sum is known. */
  #outstanding = 0;
  #lastHeardMillis = performance.now();
  #attaching: Promise<void> | undefined;
  #idle: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    context: ConsumeContext,
    connection: NatsConnection,
    spec: DurableConsumerSpec,
    handler: Handler,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#spec = spec;
    this.#handler = handler;
    this.#inbox = context.link.newInbox();
    this.#sub = this.#subscribe();
    this.#timers.push(
      setInterval(() => this.#watch(), watchMillis),
      setInterval(() => this.#keepAlive(), spec.ackWaitMillis / 3),
    );
    // Pull requests die with the connection; the subscription comes back by itself.
    this.#offReconnect = context.link.onReconnect(() => void this.attach());
  }

  /** Resolves when stream and consumer exist and the first request is out, or when stopped. */
  async attach(): Promise<void> {
    this.#attaching ??= this.#attachUntilDone().finally(() => (this.#attaching = undefined));
    return this.#attaching;
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.#stopNow();
    return this.#stopped;
  }

  #subscribe(): Sub {
    return this.#connection.subscribe(`${this.#inbox}.*`, {
      // A refused subscription comes here with an error and no message, and is closed; the next look makes it again.
      callback: (error, message) => (error === null ? this.#receive(message) : undefined),
    });
  }

  async #attachUntilDone(): Promise<void> {
    this.#attached = false;
    if (!(await tryUntilDone((attempt) => this.#attachOnce(attempt), this.#stopping.signal))) return;
    this.#attached = true;
    this.#epoch += 1;
    this.#outstanding = 0;
    this.#pull();
  }

  async #attachOnce(attempt: number): Promise<boolean> {
    if (!this.#context.link.isUp()) return false;
    if (this.#sub.isClosed()) this.#sub = this.#subscribe();
    try {
      const jsm = await this.#context.manager();
      const stream = await this.#context.streams.ensure(this.#spec.stream);
      const { info, made } = await ensureConsumer(jsm, this.#spec, stream, this.#position());
      if (made && this.#incarnation !== undefined) {
        this.#context.logger.warn({ consumer: info.name }, 'made a consumer again that was lost');
      }
      if (this.#incarnation === stream.created) this.#open.settleUpTo(info.ack_floor.stream_seq);
      else this.#open.reset(info.ack_floor.stream_seq);
      this.#incarnation = stream.created;
      return true;
    } catch (error) {
      if (isTold(attempt)) {
        const { stream, consumer } = this.#spec;
        this.#context.logger.warn(
          { err: ensureError(error), stream, consumer, attempt },
          'cannot reach a consumer; trying again',
        );
      }
      return false;
    }
  }

  #position(): ReadPosition | undefined {
    if (this.#incarnation === undefined) return undefined;
    return { incarnation: this.#incarnation, floor: this.#open.floor() };
  }

  #pull(): void {
    if (!this.#attached || this.#stopping.signal.aborted || !this.#context.link.isUp()) return;
    const held = this.#running.size + this.#waiting.length;
    const batch = nextBatch({
      concurrency: this.#spec.concurrency,
      held,
      outstanding: this.#outstanding,
    });
    if (batch === 0) return;
    if (this.#outstanding === 0) this.#lastHeardMillis = performance.now();
    this.#outstanding += batch;
    const request = {
      batch,
      expires: nanos(pullExpiresMillis),
      idle_heartbeat: nanos(heartbeatMillis),
    };
    this.#connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${this.#spec.stream}.${this.#spec.consumer}`,
      encoder.encode(JSON.stringify(request)),
      { reply: `${this.#inbox}.${this.#epoch}` },
    );
  }

  #receive(received: Msg): void {
    const code = statusCodeOf(received);
    if (code !== 0) {
      this.#receiveStatus(received, code);
      return;
    }
    const delivery = deliveryOf(this.#connection, received);
    if (delivery === undefined) return;
    this.#lastHeardMillis = performance.now();
    this.#outstanding = Math.max(0, this.#outstanding - 1);
    this.#accept(delivery);
  }

  /** Status messages come on the reply subject of their request, which ends in its epoch; those of an earlier epoch say nothing now. */
  #receiveStatus(received: Msg, code: number): void {
    if (received.subject !== `${this.#inbox}.${this.#epoch}`) return;
    this.#lastHeardMillis = performance.now();
    if (code === heartbeatCode) return;
    const unserved = Number(received.headers?.get('Nats-Pending-Messages') || Number.NaN);
    if (endedCodes.has(code) && Number.isInteger(unserved)) {
      this.#outstanding = Math.max(0, this.#outstanding - unserved);
      this.#pull();
    } else {
      void this.attach();
    }
  }

  #accept(delivery: Delivery): void {
    if (this.#stopping.signal.aborted) {
      delivery.retry(0);
      return;
    }
    this.#open.received(delivery.message.streamSequence);
    if (this.#running.size < this.#spec.concurrency) void this.#run(delivery);
    else this.#waiting.push(delivery);
  }

  async #run(delivery: Delivery): Promise<void> {
    this.#running.add(delivery);
    const verdict = await this.#verdictOn(delivery);
    if (verdict.kind === 'ack') {
      delivery.ack();
      this.#open.settled(delivery.message.streamSequence);
    } else {
      delivery.retry(verdict.delayMillis);
    }
    this.#running.delete(delivery);
    const next = this.#waiting.shift();
    if (next !== undefined) void this.#run(next);
    else if (this.#running.size === 0) this.#idle?.();
    this.#pull();
  }

  async #verdictOn(delivery: Delivery): Promise<Verdict> {
    try {
      return await this.#handler(delivery.message);
    } catch (error) {
      this.#context.logger.error(
        {
          err: ensureError(error),
          correlationId: delivery.message.headers.get(headerNames.correlationId),
          subject: delivery.message.subject,
          consumer: this.#spec.consumer,
        },
        'a message handler threw; the message will come again',
      );
      return { kind: 'retry', delayMillis: thrownRetryMillis };
    }
  }

  #watch(): void {
    if (!this.#attached || this.#outstanding === 0 || !this.#context.link.isUp()) return;
    if (performance.now() - this.#lastHeardMillis > silenceMillis) void this.attach();
  }

  #keepAlive(): void {
    for (const delivery of this.#running) delivery.working();
    for (const delivery of this.#waiting) delivery.working();
  }

  async #stopNow(): Promise<void> {
    this.#stopping.abort();
    this.#offReconnect();
    for (const delivery of this.#waiting.splice(0)) delivery.retry(0);
    // Drain: what is on its way still comes and is given back at once, instead of lying until its ack_wait is over.
    const drained = this.#context.link.isUp() ? this.#sub.drain() : Promise.resolve();
    await withTimeout(drained, drainMillis, 'The server does not answer').catch(() => undefined);
    this.#sub.unsubscribe();
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      if (this.#running.size === 0) resolve();
    });
    for (const timer of this.#timers) clearInterval(timer);
  }
}
