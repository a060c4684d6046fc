import { orderLimits } from '@sagamesh/contracts/order';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkListPrices, type ListPrice, priceItems, seedPrices } from './pricing.ts';

const listOf = (...prices: readonly ListPrice[]) => new Map(prices.map((price) => [price.sku, price]));
const list = listOf(
  { sku: 'KEYBOARD', currency: 'EUR', unitPriceCents: 4_999 },
  { sku: 'MOUSE', currency: 'EUR', unitPriceCents: 1_999 },
  { sku: 'CABLE', currency: 'USD', unitPriceCents: 500 },
);
const keyboard = { sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 };

describe('an order with its own prices', () => {
  it('is accepted when every price is that of the list', () => {
    expect(checkListPrices({ currency: 'EUR', items: [keyboard] }, list)).toBeUndefined();
  });

  it('is refused with the SKU and both prices when one differs', () => {
    const items = [keyboard, { sku: 'MOUSE', quantity: 1, unitPriceCents: 1 }];
    expect(checkListPrices({ currency: 'EUR', items }, list)).toEqual({
      kind: 'rejected',
      reason: 'PriceMismatch',
      message: 'SKU MOUSE: the order says 1 cents EUR, the price list 1999 cents EUR',
    });
  });

  it('is refused when the amount agrees but the currency does not', () => {
    expect(checkListPrices({ currency: 'USD', items: [keyboard] }, list)).toMatchObject({
      reason: 'PriceMismatch',
      message: expect.stringMatching(/4999 cents USD.*4999 cents EUR/),
    });
  });

  it('is refused when a SKU is not on the list', () => {
    const items = [{ sku: 'UNICORN', quantity: 1, unitPriceCents: 1 }];
    expect(checkListPrices({ currency: 'EUR', items }, list)).toEqual({
      kind: 'rejected',
      reason: 'UnknownSku',
      message: 'SKU UNICORN is not on the price list',
    });
  });

  it('gets a message that fits into a reply, whatever the numbers', () => {
    const sku = 'S'.repeat(64);
    const price = { sku, currency: 'EUR', unitPriceCents: orderLimits.amountCentsMax };
    const items = [{ sku, quantity: 1_000, unitPriceCents: orderLimits.amountCentsMax }];
    const refusal = checkListPrices({ currency: 'USD', items }, listOf(price));
    expect(refusal?.message.length).toBeLessThanOrEqual(256);
  });
});

describe('pricing a request', () => {
  it('takes prices and currency from the list', () => {
    const asked = [
      { sku: 'KEYBOARD', quantity: 2 },
      { sku: 'MOUSE', quantity: 1 },
    ];
    expect(priceItems(asked, undefined, list)).toEqual({
      kind: 'priced',
      currency: 'EUR',
      items: [
        { sku: 'KEYBOARD', quantity: 2, unitPriceCents: 4_999 },
        { sku: 'MOUSE', quantity: 1, unitPriceCents: 1_999 },
      ],
      totalCents: 11_997,
    });
  });

  it('points at every SKU that is unknown', () => {
    const asked = ['A', 'MOUSE', 'B'].map((sku) => ({ sku, quantity: 1 }));
    expect(priceItems(asked, 'EUR', list)).toEqual({
      kind: 'invalid',
      problems: [
        { pointer: '/items/0/sku', detail: 'SKU A is not on the price list' },
        { pointer: '/items/2/sku', detail: 'SKU B is not on the price list' },
      ],
    });
  });

  it('points at the currency when that was the wish, else at the item that does not fit the first', () => {
    const asked = ['MOUSE', 'CABLE'].map((sku) => ({ sku, quantity: 1 }));
    expect(priceItems(asked, 'EUR', list)).toMatchObject({ problems: [{ pointer: '/currency' }] });
    expect(priceItems(asked, undefined, list)).toMatchObject({ problems: [{ pointer: '/items/1/sku' }] });
  });

  it('refuses a total above the limit and accepts one at the limit', () => {
    const half = { sku: 'HALF', currency: 'EUR', unitPriceCents: 50_000_000 };
    const rest = { sku: 'REST', currency: 'EUR', unitPriceCents: 49_999_999 };
    const ask = (...skus: string[]) =>
      priceItems(
        skus.map((sku) => ({ sku, quantity: 1 })),
        undefined,
        listOf(half, rest),
      );
    expect(ask('HALF', 'REST')).toMatchObject({ kind: 'priced', totalCents: orderLimits.amountCentsMax });
    expect(ask('HALF', 'HALF')).toMatchObject({ kind: 'invalid', problems: [{ pointer: '/items' }] });
  });

  it('never makes a price that the check of an order would refuse', () => {
    const asked = fc.array(
      fc.record({
        sku: fc.constantFrom('KEYBOARD', 'MOUSE', 'CABLE', 'X'),
        quantity: fc.integer({ min: 1, max: 1_000 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(asked, fc.constantFrom(undefined, 'EUR', 'USD'), (items, currency) => {
        const pricing = priceItems(items, currency, list);
        const check =
          pricing.kind === 'invalid'
            ? undefined
            : checkListPrices({ currency: pricing.currency, items: [...pricing.items] }, list);
        expect(check).toBeUndefined();
      }),
    );
  });

  it('has seeds that are priced once each', () => {
    expect(new Set(seedPrices.map(({ sku }) => sku)).size).toBe(seedPrices.length);
  });
});
