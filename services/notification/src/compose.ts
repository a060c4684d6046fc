import type { eventsReadBy } from '@sagamesh/contracts/broker-roles';
import type { DomainEvent } from '@sagamesh/contracts/domain-events';
import type { Contact } from '@sagamesh/contracts/order';
import { unreachable } from '@sagamesh/contracts/unreachable';

/** What a customer is told. Pure: event in, texts out. */

export type NotifiedEventType = (typeof eventsReadBy.notification)[number];
export type NotifiedEvent = { readonly [T in NotifiedEventType]: DomainEvent<T> }[NotifiedEventType];

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Constant per event: a second delivery can be recognised as such. */
  readonly messageId: string;
}

export interface Sms {
  readonly to: string;
  readonly text: string;
  readonly idempotencyKey: string;
}

export interface Notifications {
  readonly mail?: Mail;
  readonly sms?: Sms;
}

/** Empty when the customer left no way to be reached. */
export function composeNotifications(event: NotifiedEvent): Notifications {
  const { subject, sentences } = tell(event);
  const contact: Contact = event.payload.contact ?? {};
  const id = headerSafe(event.eventId);
  const greeting = `Hello ${event.payload.customerId},`;
  return {
    ...(contact.email === undefined
      ? {}
      : {
          mail: {
            to: contact.email,
            subject,
            text: [greeting, '', ...sentences, '', 'Your shop', ''].join('\n'),
            messageId: `<${id}@sagamesh>`,
          },
        }),
    ...(contact.phone === undefined
      ? {}
      : { sms: { to: contact.phone, text: sentences.join(' '), idempotencyKey: id } }),
  };
}

function tell(event: NotifiedEvent): { readonly subject: string; readonly sentences: readonly string[] } {
  switch (event.eventType) {
    case 'order.confirmed': {
      const { orderId, amountCents, currency } = event.payload;
      return {
        subject: `Your order ${orderId} is confirmed`,
        sentences: [
          `your order ${orderId} is confirmed.`,
          `We charged ${formatMoney(amountCents, currency)} and are getting it ready.`,
        ],
      };
    }
    case 'order.cancelled': {
      const { orderId, reason } = event.payload;
      return {
        subject: `Your order ${orderId} was cancelled`,
        sentences: [
          `your order ${orderId} was cancelled.`,
          ...(reason === '' ? [] : [`Reason: ${reason}.`]),
          'Money that was taken for it is given back.',
        ],
      };
    }
    case 'payment.refunded': {
      const { orderId, amountCents, currency } = event.payload;
      return {
        subject: `Refund for your order ${orderId}`,
        sentences: [
          `we gave back ${formatMoney(amountCents, currency)} for your order ${orderId}.`,
          'It can take some days until you see it on your account.',
        ],
      };
    }
    default:
      return unreachable(event);
  }
}

const fractionDigits = new Map<string, number>();

/** Asked once per currency: a formatter takes longer to make than all the rest of a message. */
function fractionDigitsOf(currency: string): number {
  const known = fractionDigits.get(currency);
  if (known !== undefined) return known;
  const { maximumFractionDigits: digits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  fractionDigits.set(currency, digits);
  return digits;
}

/** `4999, EUR` -> `EUR 49.99`. Yen and the like have no minor units (ISO 4217). */
export function formatMoney(amountCents: number, currency: string): string {
  const digits = fractionDigitsOf(currency);
  const whole = Math.trunc(amountCents / 10 ** digits);
  const rest = amountCents % 10 ** digits;
  return digits === 0
    ? `${currency} ${amountCents}`
    : `${currency} ${whole}.${String(rest).padStart(digits, '0')}`;
}

/** Event ids of ours are UUIDs; a foreign one must not break out of a header. */
function headerSafe(eventId: string): string {
  return eventId.replaceAll(/[^A-Za-z0-9._-]/g, '_');
}
