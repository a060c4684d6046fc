import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregateLines, decideReservation, decideSettlement } from './stock-decisions.ts';

const stock = (levels: Readonly<Record<string, number>>) =>
  new Map(Object.entries(levels).map(([sku, available]) => [sku, { available }]));

const sum = (lines: readonly { readonly quantity: number }[]) =>
  lines.reduce((total, { quantity }) => total + quantity, 0);

describe('aggregating lines', () => {
  it('adds up one SKU that is asked for twice', () => {
    const items = [
      { sku: 'B', quantity: 1 },
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 3 },
    ];
    expect(aggregateLines(items)).toEqual([
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 4 },
    ]);
  });

  it('sorts by code unit and keeps the sum, whatever comes in', () => {
    const items = fc.array(
      fc.record({
        sku: fc.constantFrom('a', 'B', 'b', 'A-1', 'A.1', 'A_1'),
        quantity: fc.integer({ min: 1, max: 9 }),
      }),
    );
    fc.assert(
      fc.property(items, (items) => {
        const lines = aggregateLines(items);
        const skus = lines.map(({ sku }) => sku);
        expect(sum(lines)).toBe(sum(items));
        expect(skus).toEqual([...new Set(skus)].toSorted());
      }),
    );
  });
});

describe('reserving', () => {
  it('takes the last piece', () => {
    expect(decideReservation([{ sku: 'A', quantity: 3 }], stock({ A: 3 }))).toEqual({ kind: 'reserve' });
  });

  it('names SKU, asked and available when there is too little', () => {
    const lines = [
      { sku: 'A', quantity: 1 },
      { sku: 'B', quantity: 4 },
    ];
    expect(decideReservation(lines, stock({ A: 9, B: 3 }))).toEqual({
      kind: 'rejected',
      reason: 'OutOfStock',
      message: 'SKU B: asked 4, available 3',
    });
  });

  it('names an unknown SKU rather than a shortage, which might pass', () => {
    const lines = [
      { sku: 'A', quantity: 9 },
      { sku: 'Z', quantity: 1 },
    ];
    expect(decideReservation(lines, stock({ A: 0 }))).toEqual({
      kind: 'rejected',
      reason: 'UnknownSku',
      message: 'SKU Z is not in the catalogue',
    });
  });
});

describe('settling', () => {
  it('sells what is reserved', () => {
    expect(decideSettlement('reserved', 'uid')).toEqual({ kind: 'settle' });
  });

  it.each([
    [undefined, 'has no reservation'],
    ['released' as const, 'released'],
    ['sold' as const, 'sold'],
  ])('refuses a reservation that is %s', (state, named) => {
    expect(decideSettlement(state, 'uid')).toEqual({
      kind: 'rejected',
      reason: 'NotReserved',
      message: expect.stringContaining(named),
    });
  });
});
