import type { NewEvent } from '@sagamesh/kit/step';
import type { OrderRecord } from './order-record.ts';

/** The domain events of an order. The order id is the aggregate, so its events stay in order. */

const reasonCharactersMax = 256;

/** Only for an order that came in over HTTP: the intake answers it by making an OrderSaga. */
export function orderCreated({ order, totalCents }: Pick<OrderRecord, 'order' | 'totalCents'>): NewEvent {
  return { eventType: 'order.created', aggregateId: order.id, payload: { order, totalCents } };
}

export function orderConfirmed({ order, totalCents, sagaUid }: OrderRecord): NewEvent {
  return {
    eventType: 'order.confirmed',
    aggregateId: order.id,
    payload: {
      orderId: order.id,
      sagaUid,
      amountCents: totalCents,
      currency: order.currency,
      customerId: order.customerId,
      ...(order.contact === undefined ? {} : { contact: order.contact }),
    },
  };
}

/** `sagaUid`: the saga on whose behalf it was cancelled; null when no saga was made for it. */
export function orderCancelled({ order }: OrderRecord, sagaUid: string | null, reason: string): NewEvent {
  return {
    eventType: 'order.cancelled',
    aggregateId: order.id,
    payload: {
      orderId: order.id,
      sagaUid,
      customerId: order.customerId,
      ...(order.contact === undefined ? {} : { contact: order.contact }),
      reason: reason.slice(0, reasonCharactersMax),
    },
  };
}
