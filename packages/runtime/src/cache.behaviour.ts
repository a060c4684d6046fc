import { randomUUID } from 'node:crypto';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cache } from './cache.ts';

/** What every implementation of the cache port must do. */
export interface CacheHarness {
  open(): Promise<Cache>;
  /** The server goes away, and comes back. */
  interrupt(): Promise<void>;
  restore(): Promise<void>;
}

async function elapsedMillis(work: () => Promise<unknown>): Promise<number> {
  const beganMillis = performance.now();
  await work();
  return performance.now() - beganMillis;
}

export function cacheBehaviour(name: string, harness: () => CacheHarness): void {
  describe(`${name} as a cache`, () => {
    let cache: Cache;

    beforeAll(async () => {
      cache = await harness().open();
      await waitUntil(async () => cache.ping(500).then(() => true), {
        timeoutMillis: 10_000,
        what: `${name} to answer`,
      });
    });
    afterAll(async () => cache.close());

    it('answers what was set, under any key, and undefined for the rest', async () => {
      for (const key of ['stock/KEYBOARD', 'stock.a b*>', 'ünïcode', '']) {
        const value = JSON.stringify({ key, at: randomUUID() });
        expect(await cache.get(`${randomUUID()}${key}`)).toBeUndefined();
        await cache.set(key, value, 60_000);
        expect(JSON.parse((await cache.get(key)) ?? '{}')).toMatchObject({ at: expect.any(String) });
      }
    });

    it('replaces and deletes', async () => {
      await cache.set('k', '1', 60_000);
      await cache.set('k', '2', 60_000);
      expect(await cache.get('k')).toBe('2');
      await cache.delete('k');
      expect(await cache.get('k')).toBeUndefined();
    });

    it('forgets when the time is up', async () => {
      await cache.set('short', 'x', 100);
      await expect.poll(async () => cache.get('short'), { timeout: 2_000 }).toBeUndefined();
    });

    it('is only a miss while its server is away, tells so by ping, and comes back', async () => {
      await cache.set('kept', 'x', 60_000);
      await harness().interrupt();
      expect(await elapsedMillis(async () => cache.get('kept'))).toBeLessThan(1_000);
      expect(await cache.get('kept')).toBeUndefined();
      expect(await elapsedMillis(async () => cache.set('kept', 'y', 60_000))).toBeLessThan(1_000);
      await expect(cache.ping(300)).rejects.toBeInstanceOf(Error);
      await harness().restore();
      await expect
        .poll(
          async () => {
            await cache.set('kept', 'z', 60_000);
            return cache.get('kept');
          },
          { timeout: 10_000 },
        )
        .toBe('z');
      await expect(cache.ping(1_000)).resolves.toBeUndefined();
    });
  });
}
