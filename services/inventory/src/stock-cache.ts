import type { Tx } from '@sagamesh/kit/db';
import type { Cache } from '@sagamesh/runtime/cache';
import { z } from 'zod';
import type { StockView } from './stock-store.ts';

/**
 * A read cache for single SKUs. Forgotten after each commit that changes the SKU; a reader that was slower than that commit may put an old
 * value back, so an answer can be as old as the time to live. Reservations never read it.
 */

const cachedSchema = z.object({
  sku: z.string(),
  available: z.int(),
  reserved: z.int(),
  sold: z.int(),
  demanded: z.int(),
});

export interface StockCache {
  get(sku: string, read: () => Promise<StockView | undefined>): Promise<StockView | undefined>;
  /** After the commit of `tx`, never after a rollback. */
  readonly forgetAfterCommit: (tx: Tx, lines: readonly { readonly sku: string }[]) => void;
}

// A key of the bucket may not hold every character that a SKU may; hex may.
const keyOf = (sku: string): string => `stock.${Buffer.from(sku).toString('hex')}`;

export function createStockCache(options: { readonly cache: Cache; readonly ttlMillis: number }): StockCache {
  const { cache, ttlMillis } = options;
  return {
    async get(sku, read) {
      const cached = decode(await cache.get(keyOf(sku)));
      if (cached !== undefined) return cached;
      const view = await read();
      // Only what exists is remembered: names that a caller makes up would fill the cache.
      if (view !== undefined) await cache.set(keyOf(sku), JSON.stringify(view), ttlMillis);
      return view;
    },
    forgetAfterCommit(tx, lines) {
      tx.afterCommit(() => {
        for (const { sku } of lines) void cache.delete(keyOf(sku));
      });
    },
  };
}

function decode(text: string | undefined): StockView | undefined {
  if (text === undefined) return undefined;
  try {
    return cachedSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // not ours: a miss
  }
}
