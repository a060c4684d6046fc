import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { isAbandonedAt, viewOf } from './view.ts';

/**
 * I18: one order, one saga, for ever. At every moment: an order id, a claim and a source event stand in one row; the claiming saga is one of this
 * order; at most one saga of an order is Completed. At quiesce: at most one saga keeps stock or money for an order. A second saga of the same
 * order may exist (re-applied, re-created): it is told no and keeps nothing. And whoever asks again under one Idempotency-Key hears of one order.
 */
export function checkOrderKeys(facts: Facts): Finding {
  const judge = new Judge('I18');
  const { sagaByUid, sagas } = viewOf(facts);
  const once = (seen: Map<string, string>, key: string | null, orderId: string, what: string) => {
    if (key === null) return;
    const other = seen.get(key);
    seen.set(key, orderId);
    judge.also(other === undefined, () => `${what} ${key} is in two orders: ${other} and ${orderId}`);
  };
  const ids = new Map<string, string>();
  const claims = new Map<string, string>();
  const events = new Map<string, string>();
  for (const { id, sagaUid, sourceEventId } of facts.orders ?? []) {
    const saga = sagaByUid.get(sagaUid ?? '');
    judge.look(
      !saga || saga.orderId === id,
      () => `order ${id} is claimed by ${saga?.label}, which is of order ${saga?.orderId}`,
    );
    once(ids, id, id, 'order id');
    once(claims, sagaUid, id, 'the claim of saga');
    once(events, sourceEventId, id, 'source event');
  }
  const completed = new Map<string, string>();
  for (const saga of sagas) {
    if (saga.outcome !== 'Completed') continue;
    const other = completed.get(saga.orderId);
    completed.set(saga.orderId, saga.label);
    judge.look(
      other === undefined,
      () => `order ${saga.orderId} is Completed twice: ${other}, ${saga.label}`,
    );
  }
  lookAtPlacements(facts, judge);
  if (facts.atQuiesce) lookAtKeepers(facts, judge);
  return judge.finding;
}

function lookAtPlacements({ clients }: Facts, judge: Judge): void {
  const placed = new Map<string, string>();
  for (const { key, orderId } of clients?.placements ?? []) {
    const other = placed.get(key) ?? orderId;
    placed.set(key, other);
    judge.look(
      other === orderId,
      () => `under the key ${key} two orders were accepted: ${other} and ${orderId}`,
    );
  }
}

function lookAtKeepers(facts: Facts, judge: Judge): void {
  for (const { service, kept } of [
    { service: 'inventory', kept: keptStock(facts) },
    { service: 'payment', kept: keptMoney(facts) },
  ]) {
    for (const [orderId, bySaga] of kept) {
      const keepers = [...bySaga].filter(([, amount]) => amount > 0).map(([uid]) => uid);
      judge.look(
        keepers.length <= 1 || keepers.some((uid) => isLoosened(facts, uid, service)),
        () => `order ${orderId}: ${keepers.length} sagas keep something at ${service}: ${keepers.join(', ')}`,
      );
    }
  }
}

function isLoosened(facts: Facts, uid: string, service: string): boolean {
  const saga = viewOf(facts).sagaByUid.get(uid);
  return saga?.fact.forced === true || isAbandonedAt(saga, service);
}

type Kept = Map<string, Map<string, number>>;

function add(kept: Kept, orderId: string | null, sagaUid: string | null, amount: number): void {
  if (orderId === null || sagaUid === null) return;
  const bySaga = kept.get(orderId) ?? new Map<string, number>();
  bySaga.set(sagaUid, (bySaga.get(sagaUid) ?? 0) + amount);
  kept.set(orderId, bySaga);
}

/** Sold is kept, too. */
function keptStock(facts: Facts): Kept {
  const kept: Kept = new Map();
  for (const { kind, quantity, orderId, sagaUid } of facts.stockMovements ?? []) {
    if (kind === 'reserved') add(kept, orderId, sagaUid, quantity);
    else if (kind === 'released') add(kept, orderId, sagaUid, -quantity);
  }
  return kept;
}

function keptMoney(facts: Facts): Kept {
  const kept: Kept = new Map();
  for (const { orderId, sagaUid, amountCents } of facts.provider?.captures ?? []) {
    add(kept, orderId, sagaUid, amountCents);
  }
  for (const { orderId, sagaUid, amountCents } of facts.provider?.refunds ?? []) {
    add(kept, orderId, sagaUid, -amountCents);
  }
  return kept;
}
