import { RetryableError } from '@sagamesh/runtime/errors';
import type {
  Broker,
  DurableConsumerSpec,
  IncomingMessage,
  OutgoingMessage,
  Verdict,
} from '@sagamesh/runtime/broker';

/** A broker for tests of what stands in front of it: it records, fails when told to, and delivers what a test hands it. */
export class MemoryBroker implements Broker {
  readonly published: OutgoingMessage[] = [];
  /** Called before each publish; what it throws is what publish throws. */
  beforePublish: (message: OutgoingMessage) => Promise<void> = async () => undefined;
  private readonly handlers = new Map<string, (message: IncomingMessage) => Promise<Verdict>>();
  readonly consumers: DurableConsumerSpec[] = [];

  async publish(message: OutgoingMessage): Promise<void> {
    await this.beforePublish(message);
    this.published.push(message);
  }

  async consume(spec: DurableConsumerSpec, handler: (message: IncomingMessage) => Promise<Verdict>) {
    this.consumers.push(spec);
    this.handlers.set(spec.filterSubject, handler);
    return { stop: async () => undefined };
  }

  /** Answers what the handler decided. */
  async deliver(
    subject: string,
    body: object | Uint8Array,
    options: { deliveryCount?: number; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Verdict> {
    const handler = this.handlers.get(subject);
    if (handler === undefined) throw new Error(`nobody reads ${subject}`);
    return handler({
      subject,
      body: body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body)),
      headers: { get: (name) => options.headers?.[name] },
      deliveryCount: options.deliveryCount ?? 1,
      streamSequence: 1,
    });
  }

  on(subject: string): readonly OutgoingMessage[] {
    return this.published.filter((message) => message.subject === subject);
  }

  async tail() {
    return { stop: async () => undefined };
  }

  async consumerNames(): Promise<ReadonlySet<string>> {
    return new Set(this.consumers.map((spec) => spec.consumer));
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}
}

/** The failure of a broker that is away. */
export function brokerAway(): never {
  throw new RetryableError('the broker did not answer');
}
