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
