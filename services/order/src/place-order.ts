import { randomUUID } from 'node:crypto';
import type { Tx } from '@sagamesh/kit/db';
import type { Outbox } from '@sagamesh/kit/outbox';
import { Problem } from '@sagamesh/kit/problem';
import type { Order } from '@sagamesh/contracts/order';
import { orderCreated } from './order-events.ts';
import type { OrderRecord } from './order-record.ts';
import type { OrderRequest } from './order-requests.ts';
import { findPrices, insertOrder } from './order-store.ts';
import { priceItems } from './pricing.ts';

export interface PlaceOrderOptions {
  readonly outbox: Outbox;
  /** An order that no saga has claimed after this time is announced again. */
  readonly announceAfterMillis: number;
  readonly newId?: () => string;
  readonly now?: () => Date;
}

/**
 * Takes an order of a customer: prices it, and writes the PENDING order and its `order.created` in one transaction. Throws Problem 422 for a
 * SKU without a price, another currency or a total above the limit.
 */
export async function placeOrder(
  tx: Tx,
  customerId: string,
  request: OrderRequest,
  { outbox, announceAfterMillis, newId = randomUUID, now = () => new Date() }: PlaceOrderOptions,
): Promise<OrderRecord> {
  const skus = request.items.map(({ sku }) => sku);
  const pricing = priceItems(request.items, request.currency, await findPrices(tx, skus));
  if (pricing.kind === 'invalid') {
    throw new Problem(422, 'The order cannot be priced', { errors: pricing.problems });
  }
  const order: Order = {
    id: `ord-${newId()}`,
    customerId,
    currency: pricing.currency,
    items: [...pricing.items],
    paymentMethod: request.paymentMethod,
    ...(request.contact === undefined ? {} : { contact: request.contact }),
  };
  const [sourceEventId] = await outbox.add(tx, [orderCreated({ order, totalCents: pricing.totalCents })]);
  if (sourceEventId === undefined) throw new Error('the outbox gave no event id');
  const announceAt = new Date(now().getTime() + announceAfterMillis);
  const record = await insertOrder(tx, { order: { ...order, sourceEventId }, sagaUid: null, announceAt });
  if (record === undefined) throw new Error(`the new order id ${order.id} is taken`);
  return record;
}
