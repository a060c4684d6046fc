import type { Item } from '@sagamesh/contracts/order';
import { rejectionReasons } from '@sagamesh/contracts/reasons';
import type { Rejected } from '@sagamesh/kit/step';

/** What may be taken from stock: pure decisions over locked rows. */

export interface StockLine {
  readonly sku: string;
  readonly quantity: number;
}

export interface StockLevel {
  readonly sku: string;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

/** One line per SKU, in SKU order (by code unit, as `collate "C"` sorts in SQL): the order in which everybody takes the locks. */
export function aggregateLines(items: readonly Pick<Item, 'sku' | 'quantity'>[]): readonly StockLine[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of items) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities]
    .map(([sku, quantity]) => ({ sku, quantity }))
    .toSorted((a, b) => (a.sku < b.sku ? -1 : 1));
}

/** All or none: the first line that cannot be served refuses the whole order. An unknown SKU is named before any shortage. */
export function decideReservation(
  lines: readonly StockLine[],
  stock: ReadonlyMap<string, Pick<StockLevel, 'available'>>,
): { readonly kind: 'reserve' } | Rejected {
  const unknown = lines.find(({ sku }) => !stock.has(sku));
  if (unknown !== undefined) {
    return {
      kind: 'rejected',
      reason: rejectionReasons.UnknownSku,
      message: `SKU ${unknown.sku} is not in the catalogue`,
    };
  }
  for (const { sku, quantity } of lines) {
    const available = stock.get(sku)?.available ?? 0;
    if (available < quantity) {
      return {
        kind: 'rejected',
        reason: rejectionReasons.OutOfStock,
        message: `SKU ${sku}: asked ${quantity}, available ${available}`,
      };
    }
  }
  return { kind: 'reserve' };
}

export type ReservationState = 'reserved' | 'released' | 'sold';

/** After the pivot: what was reserved is sold. Anything else cannot be sold. */
export function decideSettlement(
  state: ReservationState | undefined,
  sagaUid: string,
): { readonly kind: 'settle' } | Rejected {
  if (state === 'reserved') return { kind: 'settle' };
  const found = state === undefined ? 'has no reservation' : `has a reservation that is ${state}`;
  return {
    kind: 'rejected',
    reason: rejectionReasons.NotReserved,
    message: `saga ${sagaUid} ${found}; only a reservation that is held can be sold`,
  };
}

export function reservationIdOf(sagaUid: string): string {
  return `res-${sagaUid}`;
}
