import type { Facts, NotificationFact } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';

/**
 * I19, at every moment (rows read no earlier than the mails): per order, kind and channel there is at most one Message-ID, however often it was
 * handed over; and what a customer was told is true: confirmed only of a CONFIRMED order, cancelled only of a CANCELLED one. Refunds are told per
 * payment: a second saga that tried the same order id may have paid and been refunded beside the one that confirmed it. Without the provider's
 * books: once, and of no CONFIRMED order (unless something of its saga was given up by hand). At quiesce, and where no event was lost: whoever
 * left an address has the mail that the order is confirmed.
 */
export function checkNotifications(facts: Facts): Finding {
  const judge = new Judge('I19');
  const ids = new Map<string, Set<string>>();
  const refunds = refundedPayments(facts);
  for (const notification of facts.notifications ?? []) {
    const { channel, messageId, orderId, kind } = notification;
    const key = `${channel} ${kind} ${orderId}`;
    const seen = ids.get(key) ?? new Set();
    ids.set(key, seen.add(messageId));
    const most = kind === 'refunded' ? (refunds?.get(orderId) ?? 1) : 1;
    judge.look(seen.size <= most, () => `${key} went out as ${[...seen].join(' and as ')}`);
    if (!facts.orders) continue;
    const state = viewOf(facts).orderById.get(orderId)?.state;
    judge.also(
      kind === 'refunded' && refunds ? refunds.has(orderId) : isTrue(facts, notification, state),
      () => `${channel} ${messageId} says order ${orderId} is ${kind}, but it is ${state ?? 'unknown'}`,
    );
  }
  if (facts.atQuiesce && facts.mailIsCertain && facts.notifications) lookAtDue(facts, judge);
  return judge.finding;
}

/** The event, not the row: what is still in the outbox is judged by I16. */
function lookAtDue(facts: Facts, judge: Judge): void {
  const { orderById, sagaByUid } = viewOf(facts);
  const told = new Set<string>();
  for (const { channel, kind, orderId } of facts.notifications ?? []) {
    if (channel === 'mail' && kind === 'confirmed') told.add(orderId);
  }
  for (const { event } of facts.events ?? []) {
    if (event.eventType !== 'order.confirmed') continue;
    const saga = sagaByUid.get(orderById.get(event.aggregateId)?.sagaUid ?? '');
    if (saga?.last.spec.order.contact?.email === undefined) continue;
    judge.look(
      told.has(event.aggregateId),
      () => `order ${event.aggregateId} was confirmed (${event.eventId}), and no mail said so`,
    );
  }
}

/** By order id: how many payments the provider has given back. */
function refundedPayments({ provider }: Facts): ReadonlyMap<string, number> | undefined {
  if (!provider) return undefined;
  const payments = new Map<string, Set<string>>();
  for (const { orderId, intentId } of provider.refunds) {
    if (orderId !== null) payments.set(orderId, (payments.get(orderId) ?? new Set()).add(intentId));
  }
  return new Map([...payments].map(([orderId, intents]) => [orderId, intents.size]));
}

function isTrue(facts: Facts, { kind, orderId }: NotificationFact, state: string | undefined): boolean {
  switch (kind) {
    case 'confirmed':
      return state === 'CONFIRMED';
    case 'cancelled':
      return state === 'CANCELLED';
    case 'refunded':
      return state !== 'CONFIRMED' || hasGivenUp(facts, orderId);
  }
}

function hasGivenUp(facts: Facts, orderId: string): boolean {
  const { orderById, sagaByUid } = viewOf(facts);
  return (sagaByUid.get(orderById.get(orderId)?.sagaUid ?? '')?.abandoned.size ?? 0) > 0;
}
