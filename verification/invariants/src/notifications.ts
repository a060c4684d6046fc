import type { Facts, NotificationFact } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';

/**
 * I19, at every moment (rows read no earlier than the mails): per order, kind and channel there is at most one Message-ID, however often it was
 * handed over; and what a customer was told is true: confirmed only of a CONFIRMED order, cancelled only of a CANCELLED one, refunded of none that
 * is CONFIRMED (unless something of its saga was given up by hand).
 */
export function checkNotifications(facts: Facts): Finding {
  const judge = new Judge('I19');
  const ids = new Map<string, string>();
  for (const notification of facts.notifications ?? []) {
    const { channel, messageId, orderId, kind } = notification;
    const key = `${channel} ${kind} ${orderId}`;
    const first = ids.get(key) ?? messageId;
    ids.set(key, first);
    judge.look(first === messageId, () => `${key} went out as ${first} and as ${messageId}`);
    if (!facts.orders) continue;
    const state = viewOf(facts).orderById.get(orderId)?.state;
    judge.also(
      isTrue(facts, notification, state),
      () => `${channel} ${messageId} says order ${orderId} is ${kind}, but it is ${state ?? 'unknown'}`,
    );
  }
  return judge.finding;
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
