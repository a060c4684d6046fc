import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';

/** One SKU: `initial` and `restocked` from the ledger of movements, the rest from the stock row. */
export interface StockFact {
  readonly sku: string;
  readonly initial: number;
  readonly restocked: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

/** I1: per SKU, initial + restocked = available + reserved + sold, and nothing is below zero. */
export function checkStockConservation(facts: readonly StockFact[]): Finding {
  return { invariant: 'I1', evaluated: facts.length, violations: facts.flatMap(violationsOf) };
}

function violationsOf(fact: StockFact): string[] {
  const came = fact.initial + fact.restocked;
  const stands = fact.available + fact.reserved + fact.sold;
  const below = Math.min(fact.available, fact.reserved, fact.sold) < 0;
  return [
    ...(came === stands ? [] : [`${fact.sku}: ${came} came in, ${stands} are accounted for`]),
    ...(below ? [`${fact.sku}: below zero in ${JSON.stringify(fact)}`] : []),
  ];
}

type Sums = Record<'initial' | 'restocked' | 'reserved' | 'released' | 'sold', number>;

/**
 * I1 from rows and ledger. Beyond conservation, each row must be what the movements alone make of it; a SKU with movements and without a row
 * has lost its stock. Rows and movements must be of one moment; then this holds at every commit, not only at rest.
 */
export function checkStock(facts: Facts): Finding {
  const { stock, stockMovements } = facts;
  if (!stock || !stockMovements) return { invariant: 'I1', evaluated: 0, violations: [] };
  const sums = new Map<string, Sums>();
  for (const { sku, kind, quantity } of stockMovements) {
    const sum = sums.get(sku) ?? { initial: 0, restocked: 0, reserved: 0, released: 0, sold: 0 };
    sum[kind] += quantity;
    sums.set(sku, sum);
  }
  const none: Sums = { initial: 0, restocked: 0, reserved: 0, released: 0, sold: 0 };
  const violations: string[] = [];
  for (const { sku, available, reserved, sold } of stock) {
    const sum = sums.get(sku) ?? none;
    sums.delete(sku);
    const { initial, restocked } = sum;
    violations.push(...violationsOf({ sku, initial, restocked, available, reserved, sold }));
    const told = {
      available: initial + restocked - sum.reserved + sum.released,
      reserved: sum.reserved - sum.released - sum.sold,
      sold: sum.sold,
    };
    if (told.available !== available || told.reserved !== reserved || told.sold !== sold) {
      violations.push(
        `${sku}: the row says ${available} available, ${reserved} reserved, ${sold} sold; its movements say ` +
          `${told.available}, ${told.reserved}, ${told.sold}`,
      );
    }
  }
  for (const sku of sums.keys()) violations.push(`${sku}: has movements and no stock row`);
  return { invariant: 'I1', evaluated: stock.length + sums.size, violations };
}
