import { readMoney, readStock } from '@sagamesh/demo/ledgers';
import { verdictOf } from '@sagamesh/invariants/finding';
import { checkMoneyConservation } from '@sagamesh/invariants/money-conservation';
import { checkStockConservation } from '@sagamesh/invariants/stock-conservation';
import type { System } from '@sagamesh/sandbox/system/system';
import { expect } from 'vitest';

/** Judges of the books, from the ledgers of the services and of the provider, never from what a saga says about itself. */

/** What is wrong with stock or money, or still reserved; empty = balanced. Meaningful when no saga is open. */
export async function imbalances(system: System): Promise<string[]> {
  const stock = await readStock(system);
  const findings = [checkStockConservation(stock), checkMoneyConservation(await readMoney(system))];
  return [
    ...findings.flatMap(({ violations }) => violations),
    ...findings
      .filter((finding) => verdictOf(finding) === 'Inconclusive')
      .map(({ invariant }) => `${invariant}: nothing to look at`),
    ...stock
      .filter(({ reserved }) => reserved > 0)
      .map(({ sku, reserved }) => `${sku}: ${reserved} reserved`),
  ];
}

export async function expectBalanced(system: System): Promise<void> {
  expect(await imbalances(system)).toEqual([]);
}

export interface OrderBooks {
  /** PENDING, CONFIRMED, CANCELLED; undefined: the order service has no such order. */
  readonly state: string | undefined;
  /** Cents, at the provider. */
  readonly capturedCents: number;
  readonly refundedCents: number;
}

/** One order as the order service and the provider have it. */
export async function booksOf(system: System, orderId: string): Promise<OrderBooks> {
  const money = await readMoney(system);
  const centsOf = (moves: readonly { readonly orderId: string | null; readonly amountCents: number }[]) =>
    moves.filter((move) => move.orderId === orderId).reduce((sum, move) => sum + move.amountCents, 0);
  return {
    state: money.orders.find((order) => order.id === orderId)?.state,
    capturedCents: centsOf(money.captures),
    refundedCents: centsOf(money.refunds),
  };
}
