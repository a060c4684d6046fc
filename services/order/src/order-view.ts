import type { OrderRecord } from './order-record.ts';

/** What a customer reads of an order: everything but the means of payment and the operator's bookkeeping. */
export function orderView({ order, totalCents, state, cancelReason, createdAt, updatedAt }: OrderRecord) {
  const { id, customerId, currency, items, contact } = order;
  return {
    id,
    state,
    customerId,
    currency,
    items,
    totalCents,
    ...(contact === undefined ? {} : { contact }),
    ...(cancelReason === null ? {} : { cancelReason }),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
