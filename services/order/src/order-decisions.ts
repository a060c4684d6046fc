import type { Order } from '@sagamesh/contracts/order';
import { rejectionReasons } from '@sagamesh/contracts/reasons';
import type { Rejected } from '@sagamesh/kit/step';
import type { OrderRecord } from './order-record.ts';

/**
 * Who may do what to an order: pure decisions over the locked row. The claim (`sagaUid`) is taken once and never given back, so an order id
 * is used once, also after a replay of the events, a restored cluster or a re-applied OrderSaga.
 */

const rejected = (reason: string, message: string): Rejected => ({ kind: 'rejected', reason, message });

/** `create` met an order of that id: claim it, or say why it is not this saga's. */
export function decideClaim(existing: OrderRecord, wanted: Order): { readonly kind: 'claim' } | Rejected {
  const { id } = existing.order;
  if (existing.sagaUid !== null) {
    return rejected(
      rejectionReasons.OrderIdTaken,
      `order ${id} belongs to saga ${existing.sagaUid}; an order id is used once`,
    );
  }
  if (existing.state !== 'PENDING') {
    return rejected(
      rejectionReasons.OrderIdTaken,
      `order ${id} has ended (${existing.state}); an order id is used once`,
    );
  }
  const difference = firstDifference(existing.order, wanted);
  if (difference !== undefined) {
    return rejected(
      rejectionReasons.OrderIdTaken,
      `order ${id} exists with another ${difference}; an order id is used once`,
    );
  }
  return { kind: 'claim' };
}

/** `create` names the event of another order: whoever wrote the OrderSaga by hand must not name one. */
export function eventOfAnother({ id, sourceEventId }: Order, announced: string): Rejected {
  return rejected(
    rejectionReasons.OrderIdTaken,
    `order ${id} cannot come from event ${sourceEventId ?? '(none)'}: that announced order ${announced}`,
  );
}

/** The pivot: only a PENDING order, and only by the saga that claimed it. */
export function decideConfirm(
  existing: OrderRecord | undefined,
  orderId: string,
  sagaUid: string,
): { readonly kind: 'confirm'; readonly existing: OrderRecord } | Rejected {
  if (existing === undefined) {
    return rejected(rejectionReasons.OrderNotPending, `order ${orderId} does not exist`);
  }
  if (existing.sagaUid !== sagaUid) {
    const owner = existing.sagaUid === null ? 'no saga' : `saga ${existing.sagaUid}`;
    return rejected(
      rejectionReasons.OrderNotPending,
      `order ${orderId} is claimed by ${owner}, not by this one`,
    );
  }
  if (existing.state !== 'PENDING') {
    return rejected(rejectionReasons.OrderNotPending, `order ${orderId} is ${existing.state}, not PENDING`);
  }
  return { kind: 'confirm', existing };
}

export type RefusalDecision =
  | { readonly kind: 'cancel'; readonly existing: OrderRecord }
  /** It is cancelled and no saga ever had it: somebody said this before. */
  | { readonly kind: 'alreadyCancelled' }
  | Rejected;

/** The intake could not make a saga for this order: cancel it, unless a saga has it or it is not the order that was announced. */
export function decideRefusal(existing: OrderRecord | undefined, wanted: Order): RefusalDecision {
  if (existing === undefined) {
    return rejected(rejectionReasons.OrderNotPending, `order ${wanted.id} does not exist`);
  }
  if (!isAnnouncedAs(existing, wanted)) {
    return rejected(
      rejectionReasons.OrderNotPending,
      `order ${wanted.id} was not announced by event ${wanted.sourceEventId ?? '(none)'}`,
    );
  }
  if (existing.sagaUid !== null) {
    return rejected(
      rejectionReasons.OrderNotPending,
      `order ${wanted.id} belongs to saga ${existing.sagaUid}`,
    );
  }
  return existing.state === 'PENDING' ? { kind: 'cancel', existing } : { kind: 'alreadyCancelled' };
}

/** COMPENSATE came before any EXECUTE of this saga: does it concern the unclaimed order that the saga was made for? */
export function isUnclaimedOrderOf(
  existing: OrderRecord | undefined,
  wanted: Order,
): existing is OrderRecord {
  return (
    existing !== undefined &&
    existing.state === 'PENDING' &&
    existing.sagaUid === null &&
    isAnnouncedAs(existing, wanted)
  );
}

function isAnnouncedAs(existing: OrderRecord, wanted: Order): boolean {
  return wanted.sourceEventId !== undefined && existing.order.sourceEventId === wanted.sourceEventId;
}

/** Name of the first field in which two orders differ. An absent optional field differs from every present one. */
export function firstDifference(a: Order, b: Order): string | undefined {
  const fields: readonly (readonly [string, unknown, unknown])[] = [
    ['id', a.id, b.id],
    ['sourceEventId', a.sourceEventId ?? null, b.sourceEventId ?? null],
    ['customerId', a.customerId, b.customerId],
    ['currency', a.currency, b.currency],
    ['items', itemsKey(a), itemsKey(b)],
    ['paymentMethod', a.paymentMethod, b.paymentMethod],
    ['contact', contactKey(a), contactKey(b)],
  ];
  return fields.find(([, left, right]) => left !== right)?.[0];
}

// Written out field by field: jsonb does not keep the order of keys.
const itemsKey = (order: Order): string =>
  JSON.stringify(order.items.map((item) => [item.sku, item.quantity, item.unitPriceCents]));

const contactKey = ({ contact }: Order): string =>
  JSON.stringify(contact === undefined ? null : [contact.email ?? null, contact.phone ?? null]);
