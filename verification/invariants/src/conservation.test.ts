import { describe, expect, it } from 'vitest';
import { verdictOf } from './finding.ts';
import { checkMoneyConservation, moneyTotals } from './money-conservation.ts';
import type { MoneyFacts } from './money-conservation.ts';
import { checkStockConservation } from './stock-conservation.ts';
import type { StockFact } from './stock-conservation.ts';

const balanced: StockFact = { sku: 'MOUSE', initial: 10, restocked: 5, available: 9, reserved: 2, sold: 4 };

describe('I1, stock', () => {
  it('passes when everything that came in is accounted for', () => {
    expect(checkStockConservation([balanced])).toEqual({ invariant: 'I1', evaluated: 1, violations: [] });
  });

  it.each<[Partial<StockFact>, string]>([
    [{ available: 8 }, 'a unit vanished'],
    [{ sold: 5 }, 'a unit appeared'],
    [{ available: -1, sold: 14 }, 'the sum is right, but one column is below zero'],
  ])('fails for %o: %s', (change) => {
    expect(verdictOf(checkStockConservation([{ ...balanced, ...change }]))).toBe('Fail');
  });

  it('is inconclusive when there is nothing to look at', () => {
    expect(verdictOf(checkStockConservation([]))).toBe('Inconclusive');
  });
});

const confirmed = { id: 'a', state: 'CONFIRMED', totalCents: 100, currency: 'EUR' };
const cancelled = { id: 'b', state: 'CANCELLED', totalCents: 70, currency: 'EUR' };
const move = (orderId: string | null, amountCents: number, currency = 'eur') => ({
  orderId,
  amountCents,
  currency,
});
const good: MoneyFacts = {
  captures: [move('a', 100), move('b', 70)],
  refunds: [move('b', 70)],
  orders: [confirmed, cancelled],
};

describe('I3, money', () => {
  it('passes when confirmed orders are paid and others are not', () => {
    expect(checkMoneyConservation(good)).toEqual({ invariant: 'I3', evaluated: 2, violations: [] });
    expect(moneyTotals(good)).toEqual({ capturedCents: 170, refundedCents: 70, confirmedCents: 100 });
  });

  it.each<[Partial<MoneyFacts>, string]>([
    [{ captures: [move('a', 100), move('a', 100), move('b', 70)] }, 'captured twice'],
    [{ refunds: [] }, 'a cancelled order was not refunded'],
    [{ refunds: [move('b', 70), move('b', 70)] }, 'refunded twice'],
    [{ captures: [move('b', 70)] }, 'a confirmed order was never paid'],
    [{ captures: [...good.captures, move(null, 5)] }, 'money that belongs to nobody'],
    [{ captures: [move('a', 100, 'usd'), move('b', 70)] }, 'another currency than ordered'],
    [{ captures: [move('a', 70), move('b', 100)], refunds: [move('b', 100)] }, 'only the sums agree'],
  ])('fails for %o: %s', (change) => {
    expect(verdictOf(checkMoneyConservation({ ...good, ...change }))).toBe('Fail');
  });
});
