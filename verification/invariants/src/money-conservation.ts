import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { isAbandonedAt, pivotOf, isAbandoned, viewOf } from './view.ts';
import type { View } from './view.ts';

/** Money that moved at the provider. Cents and ISO currency, lower or upper case. */
export interface MoneyMovement {
  readonly orderId: string | null;
  readonly amountCents: number;
  readonly currency: string;
  /** Where it is known: whose money it is. */
  readonly sagaUid?: string | null;
}

export interface OrderFact {
  readonly id: string;
  readonly state: string;
  readonly totalCents: number;
  readonly currency: string;
  /** Where it is known: the claim. */
  readonly sagaUid?: string | null;
}

export interface MoneyFacts {
  readonly captures: readonly MoneyMovement[];
  readonly refunds: readonly MoneyMovement[];
  readonly orders: readonly OrderFact[];
  /** Default true. False: sagas are under way, so only what holds at every moment is judged. */
  readonly atQuiesce?: boolean;
  /** Orders whose refund or abort was given up by hand: their money may be anywhere, but never below zero. */
  readonly loosenedOrderIds?: ReadonlySet<string>;
}

interface Purse {
  captured: number;
  refunded: number;
}

/**
 * I3, at quiesce: per order, captured - refunded = its total if it is CONFIRMED, else 0, and no other saga than the one that claimed it keeps
 * money of it; refunded <= captured always. Money of an order that the order service does not know is a violation, too: it belongs to nobody.
 */
export function checkMoneyConservation(facts: MoneyFacts): Finding {
  const judge = new Judge('I3');
  const atRest = facts.atQuiesce ?? true;
  const orders = new Map(facts.orders.map((order) => [order.id, order]));
  const byOrder = pursesBy(facts, ({ orderId }) => orderId ?? 'unknown');
  for (const id of new Set([...orders.keys(), ...byOrder.keys()])) {
    const { captured, refunded } = byOrder.get(id) ?? { captured: 0, refunded: 0 };
    const order = orders.get(id);
    judge.look(refunded <= captured, () => `${id}: refunded ${refunded} of ${captured} captured cents`);
    const kept = captured - refunded;
    if (!atRest) {
      judge.also(
        !order || kept <= order.totalCents,
        () => `${id}: ${kept} cents are kept for ${order?.totalCents ?? 0}`,
      );
      continue;
    }
    if (facts.loosenedOrderIds?.has(id)) continue;
    const due = order?.state === 'CONFIRMED' ? order.totalCents : 0;
    judge.also(
      kept === due,
      () =>
        `${id} (${order?.state ?? 'no such order'}): captured ${captured}, refunded ${refunded}, due ${due} cents`,
    );
  }
  lookAtCurrencies(facts, orders, judge);
  if (atRest) lookAtSagas(facts, orders, judge);
  return judge.finding;
}

function pursesBy(facts: MoneyFacts, keyOf: (movement: MoneyMovement) => string): Map<string, Purse> {
  const purses = new Map<string, Purse>();
  const add = (movement: MoneyMovement, kind: keyof Purse) => {
    const key = keyOf(movement);
    const purse = purses.get(key) ?? { captured: 0, refunded: 0 };
    purse[kind] += movement.amountCents;
    purses.set(key, purse);
  };
  for (const capture of facts.captures) add(capture, 'captured');
  for (const refund of facts.refunds) add(refund, 'refunded');
  return purses;
}

function lookAtCurrencies(facts: MoneyFacts, orders: ReadonlyMap<string, OrderFact>, judge: Judge): void {
  for (const movements of [facts.captures, facts.refunds]) {
    for (const { orderId, currency } of movements) {
      const order = orders.get(orderId ?? '');
      judge.also(
        !order || currency.toLowerCase() === order.currency.toLowerCase(),
        () => `${orderId}: ordered in ${order?.currency}, moved in ${currency}`,
      );
    }
  }
}

/** Two sagas of one order: the sums may agree while the wrong one paid. */
function lookAtSagas(facts: MoneyFacts, orders: ReadonlyMap<string, OrderFact>, judge: Judge): void {
  const purses = pursesBy(facts, ({ sagaUid, orderId }) => `${sagaUid ?? ''} ${orderId ?? ''}`);
  for (const [key, { captured, refunded }] of purses) {
    const [sagaUid, orderId = ''] = key.split(' ');
    const owner = orders.get(orderId)?.sagaUid;
    if (!sagaUid || !owner || owner === sagaUid || facts.loosenedOrderIds?.has(orderId)) continue;
    judge.also(
      captured === refunded,
      () => `${orderId}: saga ${sagaUid} keeps ${captured - refunded} cents, but saga ${owner} has the order`,
    );
  }
}

/** I3 from the provider's books and the orders, and at quiesce the payment service's own ledger, saga by saga. */
export function checkMoney(facts: Facts): Finding {
  const { provider, orders, atQuiesce } = facts;
  if (!provider || !orders) return { invariant: 'I3', evaluated: 0, violations: [] };
  const view = viewOf(facts);
  const loosenedOrderIds = new Set(
    view.sagas.filter((saga) => isMoneyLoosened(view, saga.uid)).map((saga) => saga.orderId),
  );
  const { captures, refunds } = provider;
  const finding = checkMoneyConservation({ captures, refunds, orders, atQuiesce, loosenedOrderIds });
  if (!atQuiesce || !facts.paymentLedger) return finding;
  return {
    ...finding,
    violations: [...finding.violations, ...ledgerViolations(facts.paymentLedger, provider, view)],
  };
}

/** A refund that was given up may be missing; an abort that was given up may meet an order that is confirmed all the same. */
function isMoneyLoosened(view: View, uid: string): boolean {
  const saga = view.sagaByUid.get(uid);
  if (!saga) return false;
  const pivot = pivotOf(saga);
  return (
    saga.fact.forced === true ||
    isAbandonedAt(saga, 'payment') ||
    (pivot !== undefined && isAbandoned(saga, pivot.name, 'revoke'))
  );
}

/** What the service believes to have kept is what the provider has kept. */
function ledgerViolations(
  ledger: NonNullable<Facts['paymentLedger']>,
  provider: NonNullable<Facts['provider']>,
  view: View,
): string[] {
  const kept = new Map<string, { service: number; provider: number }>();
  const add = (uid: string | null, side: 'service' | 'provider', cents: number) => {
    const sum = kept.get(uid ?? 'unknown') ?? { service: 0, provider: 0 };
    sum[side] += cents;
    kept.set(uid ?? 'unknown', sum);
  };
  for (const { sagaUid, kind, amountCents } of ledger) {
    add(sagaUid, 'service', kind === 'captured' ? amountCents : -amountCents);
  }
  for (const { sagaUid, amountCents } of provider.captures) add(sagaUid, 'provider', amountCents);
  for (const { sagaUid, amountCents } of provider.refunds) add(sagaUid, 'provider', -amountCents);
  return [...kept].flatMap(([uid, sum]) =>
    sum.service === sum.provider || isMoneyLoosened(view, uid)
      ? []
      : [
          `saga ${uid}: the payment service believes to keep ${sum.service} cents, the provider keeps ${sum.provider}`,
        ],
  );
}

export interface MoneyTotals {
  readonly capturedCents: number;
  readonly refundedCents: number;
  readonly confirmedCents: number;
}

/** The three sums of I3, over all orders. */
export function moneyTotals(facts: MoneyFacts): MoneyTotals {
  const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
  return {
    capturedCents: sum(facts.captures.map((movement) => movement.amountCents)),
    refundedCents: sum(facts.refunds.map((movement) => movement.amountCents)),
    confirmedCents: sum(
      facts.orders.filter((order) => order.state === 'CONFIRMED').map((order) => order.totalCents),
    ),
  };
}
