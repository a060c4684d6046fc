import { headerNames } from '@sagamesh/contracts/subjects';
import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  ReplayPolicy,
  type Msg,
  type NatsConnection,
  type Subscription as Sub,
} from 'nats';
import type { IncomingMessage, Subscription } from '../broker.ts';
import { ensureError } from '../errors.ts';
import type { ConsumeContext } from './consume.ts';
import { deliveryOf, statusCodeOf } from './delivery.ts';
import type { ReadPosition, StreamShape } from './ensure-consumer.ts';
import { isTold, tryUntilDone } from './try-again.ts';

/**
 * Reads all that is new on a stream, acknowledging nothing: an ephemeral push consumer with heartbeats. Any silence, gap or reconnect makes
 * a new consumer behind the last message that was seen, so even a restart of the server loses nothing that it still stores.
 */

const heartbeatMillis = 500;
const silenceMillis = 1_300;
const watchMillis = 250;
const statusControl = 100;

/** The first message to read: see `startOf` of ensure-consumer.ts; without a position, the next one to come. */
export function tailStart(position: ReadPosition | undefined, stream: StreamShape): number {
  if (position === undefined) return stream.state.last_seq + 1;
  if (position.incarnation !== stream.created) return 1;
  return Math.min(position.floor, stream.state.last_seq) + 1;
}

export class TailSubscription implements Subscription {
  readonly #context: ConsumeContext;
  readonly #connection: NatsConnection;
  readonly #stream: string;
  readonly #filterSubject: string;
  readonly #handler: (message: IncomingMessage) => void;
  readonly #stopping = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #offReconnect: () => void;
  #sub: Sub | undefined;
  #position: ReadPosition | undefined;
  #consumerSequence = 0;
  #lastHeardMillis = performance.now();
  #attaching: Promise<void> | undefined;

  constructor(
    context: ConsumeContext,
    connection: NatsConnection,
    source: { readonly stream: string; readonly filterSubject: string },
    handler: (message: IncomingMessage) => void,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#stream = source.stream;
    this.#filterSubject = source.filterSubject;
    this.#handler = handler;
    this.#timer = setInterval(() => this.#watch(), watchMillis);
    this.#offReconnect = context.link.onReconnect(() => void this.attach());
  }

  /** Resolves when the consumer exists: every message stored from now on will be seen. Or when stopped. */
  async attach(): Promise<void> {
    this.#attaching ??= this.#attachUntilDone().finally(() => (this.#attaching = undefined));
    return this.#attaching;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#offReconnect();
    clearInterval(this.#timer);
    this.#sub?.unsubscribe();
    this.#sub = undefined;
  }

  async #attachUntilDone(): Promise<void> {
    // The server removes the old consumer by itself, for nobody listens on its subject any more.
    this.#sub?.unsubscribe();
    this.#sub = undefined;
    await tryUntilDone((attempt) => this.#attachOnce(attempt), this.#stopping.signal);
  }

  async #attachOnce(attempt: number): Promise<boolean> {
    if (!this.#context.link.isUp()) return false;
    const inbox = this.#context.link.newInbox();
    const sub = this.#connection.subscribe(inbox, {
      // A refused subscription comes here with an error and no message; the silence that follows makes the next one.
      callback: (error, message) => (error === null ? this.#receive(message, sub) : undefined),
    });
    try {
      const stream = await this.#context.streams.ensure(this.#stream);
      const start = tailStart(this.#position, stream);
      this.#position = { incarnation: stream.created, floor: start - 1 };
      this.#consumerSequence = 0;
      this.#sub = sub;
      const jsm = await this.#context.manager();
      await jsm.consumers.add(this.#stream, {
        deliver_subject: inbox,
        filter_subject: this.#filterSubject,
        ack_policy: AckPolicy.None,
        replay_policy: ReplayPolicy.Instant,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: start,
        idle_heartbeat: nanos(heartbeatMillis),
        flow_control: true,
        mem_storage: true,
        num_replicas: 1,
      });
      this.#lastHeardMillis = performance.now();
      if (this.#stopping.signal.aborted) sub.unsubscribe();
      return true;
    } catch (error) {
      sub.unsubscribe();
      this.#sub = undefined;
      if (isTold(attempt)) {
        this.#context.logger.warn(
          { err: ensureError(error), stream: this.#stream, attempt },
          'cannot read a stream; trying again',
        );
      }
      return false;
    }
  }

  #receive(received: Msg, from: Sub): void {
    if (from !== this.#sub || this.#stopping.signal.aborted) return;
    this.#lastHeardMillis = performance.now();
    const code = statusCodeOf(received);
    if (code === statusControl) this.#control(received);
    else if (code !== 0) void this.attach();
    else this.#deliver(received);
  }

  #deliver(received: Msg): void {
    const delivery = deliveryOf(this.#connection, received);
    if (delivery === undefined) return;
    if (delivery.consumerSequence !== this.#consumerSequence + 1) {
      void this.attach();
      return;
    }
    this.#consumerSequence = delivery.consumerSequence;
    this.#position = {
      incarnation: this.#position?.incarnation ?? '',
      floor: delivery.message.streamSequence,
    };
    try {
      this.#handler(delivery.message);
    } catch (error) {
      this.#context.logger.error(
        {
          err: ensureError(error),
          correlationId: delivery.message.headers.get(headerNames.correlationId),
          subject: received.subject,
        },
        'a reader of a stream threw',
      );
    }
  }

  /** Heartbeats and flow control (NATS ADR-15): a request to answer, a stalled consumer to wake, a count to compare. */
  #control(received: Msg): void {
    if (received.reply !== undefined && received.reply !== '') {
      this.#connection.publish(received.reply);
      return;
    }
    const stalled = received.headers?.get('Nats-Consumer-Stalled');
    if (stalled !== undefined && stalled !== '') this.#connection.publish(stalled);
    const sent = received.headers?.get('Nats-Last-Consumer');
    if (sent !== undefined && sent !== '' && Number(sent) > this.#consumerSequence) void this.attach();
  }

  #watch(): void {
    if (this.#attaching !== undefined || !this.#context.link.isUp()) return;
    if (performance.now() - this.#lastHeardMillis > silenceMillis) void this.attach();
  }
}
