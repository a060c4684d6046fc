import type { Tx } from '@sagamesh/kit/db';
import type { Cache } from '@sagamesh/runtime/cache';
import { describe, expect, it } from 'vitest';
import { createStockCache } from './stock-cache.ts';
import type { StockView } from './stock-store.ts';

const view: StockView = { sku: 'A', available: 1, reserved: 0, sold: 0, demanded: 0 };

function mapCache() {
  const entries = new Map<string, string>();
  const cache: Cache = {
    get: async (key) => entries.get(key),
    set: async (key, value) => void entries.set(key, value),
    delete: async (key) => void entries.delete(key),
    ping: async () => {},
    close: async () => {},
  };
  return { entries, cache: createStockCache({ cache, ttlMillis: 1_000 }) };
}

/** A transaction whose end the test decides. */
function openTx() {
  const callbacks: (() => void)[] = [];
  const tx: Tx = {
    query: async () => ({ rows: [], rowCount: 0 }),
    exec: async () => {},
    afterCommit: (callback) => void callbacks.push(callback),
  };
  return { tx, commit: () => callbacks.forEach((callback) => callback()) };
}

describe('the stock cache', () => {
  it('asks the database once', async () => {
    const { cache } = mapCache();
    let reads = 0;
    const read = async () => ((reads += 1), view);
    expect(await cache.get('A', read)).toEqual(view);
    expect(await cache.get('A', read)).toEqual(view);
    expect(reads).toBe(1);
  });

  it('forgets a SKU when the transaction that changed it commits, not before', async () => {
    const { cache } = mapCache();
    await cache.get('A', async () => view);
    const { tx, commit } = openTx();
    cache.forgetAfterCommit(tx, [{ sku: 'A' }]);
    const changed = { ...view, available: 0 };
    expect(await cache.get('A', async () => changed)).toEqual(view);
    commit();
    expect(await cache.get('A', async () => changed)).toEqual(changed);
  });

  it('does not remember SKUs that do not exist', async () => {
    const { cache, entries } = mapCache();
    expect(await cache.get('made-up', async () => undefined)).toBeUndefined();
    expect(entries.size).toBe(0);
  });

  it.each(['not json', '{"sku":"A"}', 'null'])('takes %s in the cache for a miss', async (text) => {
    const { cache, entries } = mapCache();
    await cache.get('A', async () => view);
    for (const key of entries.keys()) entries.set(key, text);
    expect(await cache.get('A', async () => view)).toEqual(view);
  });

  it('uses keys of plain characters for any SKU', async () => {
    const { cache, entries } = mapCache();
    await cache.get('a b/ü.*>', async () => view);
    expect([...entries.keys()].every((key) => /^[a-z0-9.]+$/.test(key))).toBe(true);
  });
});
