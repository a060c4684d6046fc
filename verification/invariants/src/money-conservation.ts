import type { Finding } from './finding.ts';

/** Money that moved at the provider. Cents and ISO currency, lower or upper case. */
export interface MoneyMovement {
  readonly orderId: string | null;
  readonly amountCents: number;
  readonly currency: string;
}

export interface OrderFact {
  readonly id: string;
  readonly state: string;
  readonly totalCents: number;
  readonly currency: string;
}

export interface MoneyFacts {
  readonly captures: readonly MoneyMovement[];
  readonly refunds: readonly MoneyMovement[];
  readonly orders: readonly OrderFact[];
}

/**
 * I3, at quiesce: per order, captured - refunded = its total if it is CONFIRMED, else 0; refunded <= captured always. Money of an order that
 * the order service does not know is a violation, too: it belongs to nobody.
 */
export function checkMoneyConservation(facts: MoneyFacts): Finding {
  const orders = new Map(facts.orders.map((order) => [order.id, order]));
  const ids = new Set([
    ...orders.keys(),
    ...[...facts.captures, ...facts.refunds].map((movement) => movement.orderId ?? 'unknown'),
  ]);
  const violations = [...ids].flatMap((id) => {
    const captured = sumOf(facts.captures, id);
    const refunded = sumOf(facts.refunds, id);
    const order = orders.get(id);
    const due = order?.state === 'CONFIRMED' ? order.totalCents : 0;
    return [
      ...(captured - refunded === due
        ? []
        : [
            `${id} (${order?.state ?? 'no such order'}): captured ${captured}, refunded ${refunded}, due ${due} cents`,
          ]),
      ...(refunded <= captured ? [] : [`${id}: refunded ${refunded} of ${captured} captured cents`]),
      ...currencyViolations(facts, id, order),
    ];
  });
  return { invariant: 'I3', evaluated: ids.size, violations };
}

function sumOf(movements: readonly MoneyMovement[], orderId: string): number {
  return movements
    .filter((movement) => (movement.orderId ?? 'unknown') === orderId)
    .reduce((sum, movement) => sum + movement.amountCents, 0);
}

function currencyViolations(facts: MoneyFacts, id: string, order: OrderFact | undefined): string[] {
  if (!order) return [];
  return [...facts.captures, ...facts.refunds]
    .filter((movement) => movement.orderId === id)
    .filter((movement) => movement.currency.toLowerCase() !== order.currency.toLowerCase())
    .map((movement) => `${id}: ordered in ${order.currency}, moved in ${movement.currency}`);
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
