import { rateLimits } from '@sagamesh/gateway/routes';
import type { MeshRequest } from '@sagamesh/mesh/mesh-site';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { describe, expect, it } from 'vitest';
import { orders, problemJson, users, type MeshClient } from './mesh-client.ts';
import { countOf } from './proxy-facts.ts';

/** How much the gateway lets through. */

export function describeRateLimit(mesh: MeshClient): void {
  const { get, outside, post } = mesh;

  describe('the rate limit', () => {
    const limited = /^.*http_local_rate_limit\.rate_limited$/;

    /** A request that has found at least so much in the bucket, and what was true before it. */
    const untilThereIs = async (atLeast: number, path: string) => {
      let found = { answer: await outside(get(path)), startMillis: 0, limitedBefore: 0 };
      await waitUntil(
        async () => {
          await mesh.site.standIn(path === orders ? 'order' : 'user').answer({ status: 200 });
          const limitedBefore = await countOf(mesh.site, 'gateway', limited);
          const startMillis = performance.now();
          found = { answer: await outside(get(path)), startMillis, limitedBefore };
          // Without a limit there is nothing to wait for, and the burst will tell.
          return Number(found.answer.headers['x-ratelimit-remaining'] ?? atLeast) >= atLeast - 1;
        },
        { timeoutMillis: 120_000, intervalMillis: 1_500, what: `the bucket of ${path} to fill` },
      );
      return found;
    };

    it.each([
      ['orders', orders, 'order', users],
      ['users', users, 'user', orders],
    ] as const)(
      'refuses what is beyond that of %s, and nothing else',
      async (api, path, service, otherPath) => {
        const { requestsPerMinute } = rateLimits[api];
        await untilThereIs(10, otherPath);
        const full = await untilThereIs(requestsPerMinute, path);
        const answers = [full.answer];
        // All at once: nobody within the limit is refused by a connection pool. Reads first: they have less time than the rest.
        while (answers.length < requestsPerMinute * 2 && !answers.some(({ status }) => status === 429)) {
          const batch = Array.from({ length: requestsPerMinute }, (_, n) =>
            n < 10 ? get(path) : post(path),
          );
          answers.push(...(await mesh.site.send('outside', batch)));
        }
        const minutes = (performance.now() - full.startMillis) / 60_000;

        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
        const passed = answers.filter(({ status }) => status === 200);
        const refused = answers.filter(({ status }) => status === 429);
        expect(passed.length).toBeGreaterThanOrEqual(requestsPerMinute);
        // The bucket fills all the time.
        expect(passed.length).toBeLessThanOrEqual(requestsPerMinute * (1 + minutes) + 1);
        for (const { headers } of refused) {
          expect(Number(headers['retry-after'])).toBeGreaterThan(0);
          expect(headers['content-type']).toContain(problemJson);
        }
        expect(await countOf(mesh.site, 'gateway', limited)).toBe(full.limitedBefore + refused.length);
        expect(await mesh.site.standIn(service).seen()).toHaveLength(passed.length);
        expect((await outside(get(otherPath))).status).toBe(200);
      },
    );

    it('is not spent by who is refused for lack of a token', async () => {
      await untilThereIs(20, orders);
      const strangers = Array.from({ length: 40 }, (): MeshRequest => ({ url: orders }));
      const before = Number((await outside(get(orders))).headers['x-ratelimit-remaining']);
      await mesh.site.send('outside', strangers);
      const after = Number((await outside(get(orders))).headers['x-ratelimit-remaining']);
      expect(after).toBeGreaterThanOrEqual(before - 1);
    });
  });
}
