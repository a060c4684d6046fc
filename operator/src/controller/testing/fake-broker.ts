import type {
  Broker,
  DurableConsumerSpec,
  IncomingMessage,
  OutgoingMessage,
  Verdict,
} from '@sagamesh/runtime/broker';
import { RetryableError } from '@sagamesh/runtime/errors';

/** The broker port without a broker: it records, hands over what a test gives it, and is away when told to. */
export class FakeBroker implements Broker {
  readonly published: OutgoingMessage[] = [];
  readonly specs: DurableConsumerSpec[] = [];
  consumers: ReadonlySet<string> = new Set();
  isAway = false;
  /** Runs before a message counts as stored; what it throws is what publish throws. */
  beforePublish: (message: OutgoingMessage) => void = () => undefined;
  #handler: ((message: IncomingMessage) => Promise<Verdict>) | undefined;
  #listener: ((message: IncomingMessage) => void) | undefined;
  #sequence = 0;

  async publish(message: OutgoingMessage): Promise<void> {
    await Promise.resolve();
    if (this.isAway) throw new RetryableError(`${message.subject} could not be published in time`);
    this.beforePublish(message);
    this.published.push(message);
  }

  async consume(spec: DurableConsumerSpec, handler: (message: IncomingMessage) => Promise<Verdict>) {
    this.specs.push(spec);
    this.#handler = handler;
    return { stop: () => Promise.resolve() };
  }

  async tail(_stream: string, _filter: string, listener: (message: IncomingMessage) => void) {
    this.#listener = listener;
    return { stop: () => Promise.resolve() };
  }

  async consumerNames(): Promise<ReadonlySet<string>> {
    await Promise.resolve();
    // Not an error of ours: the client library's own come through here.
    if (this.isAway) throw new Error('TIMEOUT');
    return this.consumers;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  /** To the durable consumer; answers its verdict. */
  async deliver(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Verdict> {
    if (!this.#handler) throw new Error('nobody consumes');
    return this.#handler(this.#message(body, headers));
  }

  /** To whoever tails. */
  tell(body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    if (!this.#listener) throw new Error('nobody tails');
    this.#listener(this.#message(body, headers));
  }

  on(subject: string): readonly OutgoingMessage[] {
    return this.published.filter((message) => message.subject === subject);
  }

  #message(body: unknown, headers: Readonly<Record<string, string>>): IncomingMessage {
    this.#sequence += 1;
    return {
      subject: 'subject.of.the.test',
      body: body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body)),
      headers: { get: (name) => headers[name] },
      deliveryCount: 1,
      streamSequence: this.#sequence,
    };
  }
}
