import type { Outcome } from '@sagamesh/contracts/order-saga';
import type { Facts, OrderRead, OrderState } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';

/** What people saw: never too early (I21), never taken back (I23). */

/**
 * I21, at every moment: nobody reads fewer than zero pieces, and nobody reads CONFIRMED before the order was confirmed, or of an order that is not
 * (rows read no earlier than the reads). Too early can only be told where all is in one order.
 */
export function checkReads(facts: Facts): Finding {
  const judge = new Judge('I21');
  for (const { sku, available } of facts.stockProbes ?? []) {
    judge.look(available >= 0, () => `${sku} was read with ${available} available`);
  }
  const changes = facts.oneOrder ? facts.orderChanges : undefined;
  const confirmedAt = new Map<string, number>();
  for (const { orderId, state, position } of changes ?? []) {
    if (state === 'CONFIRMED' && !confirmedAt.has(orderId)) confirmedAt.set(orderId, position);
  }
  const { orderById } = viewOf(facts);
  for (const { client, orderId, state, position } of facts.clients?.orderReads ?? []) {
    if (!changes && !facts.orders) continue;
    const sinceWhen = changes ? confirmedAt.get(orderId) : -Infinity;
    judge.look(
      state !== 'CONFIRMED' || (sinceWhen !== undefined && sinceWhen <= position),
      () =>
        `${client} read order ${orderId} as CONFIRMED at ${position}, before it was (${sinceWhen ?? 'never'})`,
    );
    const now = orderById.get(orderId)?.state;
    judge.also(
      state !== 'CONFIRMED' || !facts.orders || now === 'CONFIRMED',
      () => `${client} read order ${orderId} as CONFIRMED, and it is ${now ?? 'unknown'}`,
    );
  }
  return judge.finding;
}

/**
 * I23: what a client saw as final is still final: his later reads of the order and its row say the same, every outcome that anybody read is the
 * one that is stored. At quiesce order and saga agree, but for what was given up by hand. A saga read without an outcome after one with it is
 * no violation: the API server may answer from an older moment.
 */
export function checkFinality(facts: Facts): Finding {
  const judge = new Judge('I23');
  lookAtOrderReads(facts, judge);
  const { sagaByUid } = viewOf(facts);
  const read = new Map<string, Outcome>();
  for (const { client, uid, outcome } of facts.clients?.sagaReads ?? []) {
    if (outcome === null) continue;
    const saga = sagaByUid.get(uid);
    const told = facts.sagas ? saga?.outcome : (read.get(uid) ?? outcome);
    read.set(uid, outcome);
    judge.look(
      told === outcome,
      () => `${client} read saga ${uid} as ${outcome}, and it is ${told ?? 'not ended'}`,
    );
  }
  return judge.finding;
}

function lookAtOrderReads(facts: Facts, judge: Judge): void {
  const finals = new Map<string, OrderState>();
  const seen = new Map<string, OrderRead>();
  for (const read of facts.clients?.orderReads ?? []) {
    const { client, orderId, state } = read;
    const key = `${client} ${orderId}`;
    const final = finals.get(key);
    if (final !== undefined) {
      judge.look(
        state === final,
        () => `${client} read order ${orderId} as ${final} and later (at ${read.position}) as ${state}`,
      );
    } else if (state !== 'PENDING') {
      finals.set(key, state);
      seen.set(`${orderId} ${state}`, read);
    }
  }
  if (!facts.orders) return;
  for (const { client, orderId, state } of seen.values()) {
    const now = viewOf(facts).orderById.get(orderId);
    judge.look(
      now?.state === state,
      () => `${client} read order ${orderId} as ${state}, and it is ${now?.state ?? 'unknown'}`,
    );
    if (facts.atQuiesce) lookAtSaga(facts, orderId, judge);
  }
}

function lookAtSaga(facts: Facts, orderId: string, judge: Judge): void {
  const { orderById, sagaByUid } = viewOf(facts);
  const order = orderById.get(orderId);
  const saga = sagaByUid.get(order?.sagaUid ?? '');
  if (!order || !saga || saga.abandoned.size > 0 || saga.fact.forced || saga.isOpen) return;
  judge.also(
    (order.state === 'CONFIRMED') === (saga.outcome === 'Completed'),
    () =>
      `order ${orderId} is ${order.state}, but ${saga.label} is ${saga.outcome ?? 'gone without an outcome'}`,
  );
}
