import type { NotificationFact } from '@sagamesh/invariants/facts';
import { RetryableError } from '@sagamesh/runtime/errors';
import type { MailChannel, SmsChannel } from '@sagamesh/service-notification/channels';
import type { SimProcess } from '../kernel/host.ts';
import type { Sim } from '../kernel/sim.ts';

/** Mail server and SMS gateway of a run. Both take what they are given, repeats too: what customers got is what the checkers look at. */

export interface Delivery extends NotificationFact {
  readonly to: string;
  readonly text: string;
  readonly atMillis: number;
}

/** What the notification service says about an order, in its own words (services/notification/src/compose.ts). */
const sentences: readonly (readonly [NotificationFact['kind'], RegExp])[] = [
  ['confirmed', /\byour order (\S+) is confirmed\./],
  ['cancelled', /\byour order (\S+) was cancelled\./],
  ['refunded', /\bwe gave back .+ for your order (\S+)\./],
];

type Message = Pick<Delivery, 'channel' | 'messageId' | 'to' | 'text'>;

export class SimMail {
  readonly #sim: Sim;
  readonly #deliveries: Delivery[] = [];

  constructor(sim: Sim) {
    this.#sim = sim;
  }

  connect(process: SimProcess): { readonly mail: MailChannel; readonly sms: SmsChannel } {
    return {
      mail: {
        send: ({ to, text, messageId }) => this.#send(process, { channel: 'mail', messageId, to, text }),
        close: () => undefined,
      },
      sms: {
        send: ({ to, text, idempotencyKey }) =>
          this.#send(process, { channel: 'sms', messageId: idempotencyKey, to, text }),
      },
    };
  }

  /** Every mail and SMS that was taken, in order. */
  get deliveries(): readonly Delivery[] {
    return this.#deliveries;
  }

  #send(process: SimProcess, message: Message): Promise<void> {
    return process.effect('mail', `${message.channel} ${message.messageId}`, () => {
      if (this.#sim.faults.bites('mail.refused', process.name, message.channel))
        throw new RetryableError(`The ${message.channel} could not be taken.`);
      const about = tellingOf(message.text);
      this.#deliveries.push({ ...message, ...about, atMillis: this.#sim.nowMillis });
      this.#sim.count(`${message.channel} ${about.kind}`);
    });
  }
}

function tellingOf(text: string): Pick<Delivery, 'kind' | 'orderId'> {
  for (const [kind, pattern] of sentences) {
    const orderId = pattern.exec(text)?.[1];
    if (orderId !== undefined) return { kind, orderId };
  }
  throw new RangeError(`this message speaks of no order: ${text}`);
}
