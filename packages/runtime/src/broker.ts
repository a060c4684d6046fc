/**
 * The port to the message broker. Messages may be lost, doubled, delayed and reordered, acknowledged or not (docs/architecture.md):
 * nothing here is a guarantee that the fence or the operator could lean on.
 */

export interface MessageHeaders {
  get(name: string): string | undefined;
}

export interface IncomingMessage {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: MessageHeaders;
  /** 1 for the first delivery, as far as the broker remembers. */
  readonly deliveryCount: number;
  readonly streamSequence: number;
}

export interface OutgoingMessage {
  readonly subject: string;
  /** A JSON value, or bytes that are sent as they stand. */
  readonly body: object | Uint8Array;
  /** Nats-Msg-Id: the broker drops a repeat inside its window. An optimisation, never a guard. */
  readonly messageId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Subscription {
  /** Stops pulling, waits for running handlers, returns. Safe to call twice. */
  stop(): Promise<void>;
}

/** What becomes of a message after its handler: `ack` = dealt with; `retry` = deliver again after the delay. */
export type Verdict = { readonly kind: 'ack' } | { readonly kind: 'retry'; readonly delayMillis: number };

export interface DurableConsumerSpec {
  readonly stream: string;
  readonly consumer: string;
  readonly filterSubject: string;
  /** Only messages published after the consumer was made, or everything that is still stored. */
  readonly deliver: 'new' | 'all';
  readonly ackWaitMillis: number;
  /** Handlers that run at once; also the prefetch. */
  readonly concurrency: number;
}

export interface Broker {
  /**
   * Resolves when the stream has stored the message. Repeats on time-out and on a missing stream (which it makes again), with the same
   * message id, for at most `timeoutMillis` (default 5000); then throws RetryableError.
   */
  publish(message: OutgoingMessage, options?: { readonly timeoutMillis?: number }): Promise<void>;

  /**
   * Reads a durable pull consumer; makes stream and consumer when missing, at start and at run time (someone may delete them). A handler
   * that throws counts as `retry` after 1 s; it should not.
   */
  consume(
    spec: DurableConsumerSpec,
    handler: (message: IncomingMessage) => Promise<Verdict>,
  ): Promise<Subscription>;

  /** Reads everything new on a stream with an own ephemeral consumer, ack none. Comes back by itself when stream or consumer vanish. */
  tail(
    stream: string,
    filterSubject: string,
    handler: (message: IncomingMessage) => void,
  ): Promise<Subscription>;

  /** Names of durable consumers that exist on a stream, from a cache at most `maxAgeMillis` old. */
  consumerNames(stream: string, maxAgeMillis: number): Promise<ReadonlySet<string>>;

  /** One round trip; rejects when there is no answer in time. */
  ping(timeoutMillis: number): Promise<void>;

  /** Largest message the server takes, headers included; absent or undefined when not known. */
  maxPayloadBytes?(): number | undefined;

  /** Drains and closes. */
  close(): Promise<void>;
}
