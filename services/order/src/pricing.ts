import { type Item, type Order, orderLimits, orderTotalCents } from '@sagamesh/contracts/order';
import { rejectionReasons } from '@sagamesh/contracts/reasons';
import type { Rejected } from '@sagamesh/kit/step';
import type { FieldProblem } from '@sagamesh/runtime/problem';

/** Prices come from this service's list, never from the customer. Pure; money is integer cents. */

export interface ListPrice {
  readonly sku: string;
  readonly currency: string;
  readonly unitPriceCents: number;
}

export type PriceList = ReadonlyMap<string, ListPrice>;

/** Price list of an empty database. BULK is there for load tests. */
export const seedPrices: readonly ListPrice[] = [
  { sku: 'KEYBOARD', currency: 'EUR', unitPriceCents: 4_999 },
  { sku: 'MOUSE', currency: 'EUR', unitPriceCents: 1_999 },
  { sku: 'MONITOR', currency: 'EUR', unitPriceCents: 19_999 },
  { sku: 'HEADSET', currency: 'EUR', unitPriceCents: 8_999 },
  { sku: 'WEBCAM', currency: 'EUR', unitPriceCents: 5_999 },
  { sku: 'DOCK', currency: 'EUR', unitPriceCents: 12_999 },
  { sku: 'BULK', currency: 'EUR', unitPriceCents: 100 },
];

/** An order that brings its own prices (an OrderSaga written by hand) must agree with the list. */
export function checkListPrices(
  order: Pick<Order, 'currency' | 'items'>,
  list: PriceList,
): Rejected | undefined {
  for (const item of order.items) {
    const price = list.get(item.sku);
    if (price === undefined) {
      return {
        kind: 'rejected',
        reason: rejectionReasons.UnknownSku,
        message: `SKU ${item.sku} is not on the price list`,
      };
    }
    if (price.unitPriceCents !== item.unitPriceCents || price.currency !== order.currency) {
      return {
        kind: 'rejected',
        reason: rejectionReasons.PriceMismatch,
        message:
          `SKU ${item.sku}: the order says ${item.unitPriceCents} cents ${order.currency}, ` +
          `the price list ${price.unitPriceCents} cents ${price.currency}`,
      };
    }
  }
  return undefined;
}

export type Pricing =
  | {
      readonly kind: 'priced';
      readonly currency: string;
      readonly items: readonly Item[];
      readonly totalCents: number;
    }
  | { readonly kind: 'invalid'; readonly problems: readonly FieldProblem[] };

/** Prices what a customer asked for. Without a wish the currency is that of the first item. */
export function priceItems(
  asked: readonly { readonly sku: string; readonly quantity: number }[],
  currencyWished: string | undefined,
  list: PriceList,
): Pricing {
  const currency = currencyWished ?? asked.map(({ sku }) => list.get(sku)?.currency).find(Boolean) ?? '';
  const problems: FieldProblem[] = [];
  const items: Item[] = [];
  asked.forEach(({ sku, quantity }, index) => {
    const price = list.get(sku);
    if (price === undefined) {
      problems.push({ pointer: `/items/${index}/sku`, detail: `SKU ${sku} is not on the price list` });
    } else if (price.currency !== currency) {
      const pointer = currencyWished === undefined ? `/items/${index}/sku` : '/currency';
      problems.push({ pointer, detail: `SKU ${sku} is sold in ${price.currency}, not in ${currency}` });
    } else {
      items.push({ sku, quantity, unitPriceCents: price.unitPriceCents });
    }
  });
  const totalCents = orderTotalCents({ items });
  if (totalCents > orderLimits.amountCentsMax) {
    problems.push({
      pointer: '/items',
      detail: `the total of ${totalCents} cents is above the limit of ${orderLimits.amountCentsMax} cents`,
    });
  }
  return problems.length > 0
    ? { kind: 'invalid', problems }
    : { kind: 'priced', currency, items, totalCents };
}
