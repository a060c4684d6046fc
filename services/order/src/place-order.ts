import { randomUUID } from 'node:crypto';
import type { Tx } from '@sagamesh/kit/db';
import type { Outbox } from '@sagamesh/kit/outbox';
import type { Order } from '@sagamesh/contracts/order';
import type { FieldProblem } from '@sagamesh/runtime/problem';
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
}

export type Placement =
  | { readonly kind: 'placed'; readonly record: OrderRecord }
  | { readonly kind: 'invalid'; readonly problems: readonly FieldProblem[] };

/** Takes an order of a customer: prices it, and writes the PENDING order and its `order.created` in the caller's transaction. */
export async function placeOrder(
  tx: Tx,
  customerId: string,
  request: OrderRequest,
  { outbox, announceAfterMillis, newId = randomUUID }: PlaceOrderOptions,
): Promise<Placement> {
  const skus = request.items.map(({ sku }) => sku);
  const pricing = priceItems(request.items, request.currency, await findPrices(tx, skus));
  if (pricing.kind === 'invalid') return pricing;
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
  const record = await insertOrder(tx, {
    order: { ...order, sourceEventId },
    sagaUid: null,
    announceAfterMillis,
  });
  if (record === undefined) throw new Error(`the new order id ${order.id} is taken`);
  return { kind: 'placed', record };
}
