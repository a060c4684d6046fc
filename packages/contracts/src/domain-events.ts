import { z } from 'zod';
import { boundedText } from './bounded-text.ts';
import { contactSchema, currencySchema, itemSchema, orderSchema } from './order.ts';

/** Domain events: what happened in a service, for whoever listens. Written by the outbox in the effect's transaction. */

const about = { orderId: orderSchema.shape.id, sagaUid: z.uuid().nullable() };
const money = { amountCents: z.int().min(0), currency: currencySchema };
const quantities = z.array(itemSchema.pick({ sku: true, quantity: true })).min(1);

/** One schema per event type: the payload. `order.created` carries the whole order, so the intake needs nothing else. */
export const eventPayloadSchemas = {
  'order.created': z.object({ order: orderSchema, totalCents: z.int().min(1) }),
  'order.confirmed': z.object({
    ...about,
    ...money,
    customerId: z.string(),
    contact: contactSchema.optional(),
  }),
  'order.cancelled': z.object({
    ...about,
    customerId: z.string(),
    contact: contactSchema.optional(),
    reason: boundedText(256),
  }),
  'inventory.reserved': z.object({ ...about, reservationId: z.string(), items: quantities }),
  'inventory.released': z.object({ ...about, reservationId: z.string(), items: quantities }),
  'inventory.sold': z.object({ ...about, reservationId: z.string(), items: quantities }),
  'inventory.rejected': z.object({ ...about, items: quantities, reason: boundedText(256) }),
  'payment.captured': z.object({ ...about, ...money, paymentId: z.string() }),
  'payment.declined': z.object({ ...about, ...money, paymentId: z.string(), reason: boundedText(256) }),
  'payment.refunded': z.object({
    ...about,
    ...money,
    paymentId: z.string(),
    customerId: z.string(),
    contact: contactSchema.optional(),
  }),
  'user.registered': z.object({ userId: z.string() }),
} as const;

export type EventType = keyof typeof eventPayloadSchemas;
export type EventPayload<T extends EventType> = z.infer<(typeof eventPayloadSchemas)[T]>;

/** Schema version of every event type so far. A reader that meets another number sends the message to the dead letters. */
export const eventVersion = 1;

const envelopeShape = {
  eventId: z.string().min(1).max(64),
  aggregateId: z.string().min(1).max(64),
  timestamp: z.iso.datetime(),
  version: z.literal(eventVersion),
};

/** The envelope as our users know it: `{eventId, eventType, aggregateId, timestamp, version, payload}`. */
export interface DomainEvent<T extends EventType = EventType> {
  readonly eventId: string;
  readonly eventType: T;
  readonly aggregateId: string;
  readonly timestamp: string;
  readonly version: typeof eventVersion;
  readonly payload: EventPayload<T>;
}

export function domainEventSchema<T extends EventType>(eventType: T) {
  return z.object({
    ...envelopeShape,
    eventType: z.literal(eventType),
    payload: eventPayloadSchemas[eventType],
  });
}
