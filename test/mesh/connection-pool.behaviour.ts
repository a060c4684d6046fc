import type { MeshAnswer } from '@sagamesh/mesh/mesh-site';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callProvider, orders, patience, type MeshClient } from './mesh-client.ts';
import { countOf, hasTimeout, pendingMaxOf, toService } from './proxy-facts.ts';
import { breakerOf, manifest, withSmallPool, withTimeout } from './shop-manifests.ts';

/** What becomes of requests that find no connection. */

export function describeConnectionPool(mesh: MeshClient): void {
  const { post } = mesh;

  describe('a full connection pool', () => {
    // That of the order service holds all that the rate limit lets through.
    const small = { connections: 8, pending: 4 };
    const inForce = (pending: number) =>
      waitUntil(async () => (await pendingMaxOf(mesh.site, 'gateway', 'order')) === pending, {
        ...patience,
        what: `the gateway to let ${pending} requests to order wait`,
      });

    // Else whoever waits is given up while a busy machine still fills the pool.
    const longTimeout = '97s';
    const routes = ['orders', 'payment-provider'] as const;
    const longForBoth = async () =>
      (await hasTimeout(mesh.site, 'gateway', longTimeout)) &&
      (await hasTimeout(mesh.site, 'payment', longTimeout));

    beforeAll(async () => {
      const patient = routes.map((name) => withTimeout(name, longTimeout));
      await mesh.site.apply([withSmallPool('order', small), ...patient]);
      await inForce(small.pending);
      await waitUntil(longForBoth, { ...patience, what: 'gateway and payment to be patient' });
    });

    afterAll(async () => {
      const own = routes.map((name) => manifest('VirtualService', name));
      await mesh.site.apply([manifest('DestinationRule', 'order'), ...own]);
      await inForce(breakerOf('order').pending);
      const impatient = async () =>
        !(await hasTimeout(mesh.site, 'gateway', longTimeout)) &&
        !(await hasTimeout(mesh.site, 'payment', longTimeout));
      await waitUntil(impatient, { ...patience, what: 'gateway and payment to have their own limits' });
    });

    it.each([
      ['gateway', 'order', 'outside', () => post(orders), small],
      ['payment', 'payment-provider', 'payment', () => callProvider, breakerOf('payment-provider')],
    ] as const)('answers at once and is counted: %s -> %s', async (caller, callee, sender, request, pool) => {
      const { connections, pending } = pool;
      const standIn = mesh.site.standIn(callee);
      const send = (count: number) =>
        mesh.site.send(
          sender,
          Array.from({ length: count }, () => request()),
        );
      const reached = async () => (await standIn.seen()).length;
      const waiting = toService(callee, 'upstream_rq_pending_active');
      const overflow = toService(callee, 'upstream_rq_pending_overflow');
      const before = await countOf(mesh.site, caller, overflow);
      await standIn.answer('hold');

      // A request waits, too, while its connection is being made: so the pool is filled in steps.
      const open: Promise<readonly MeshAnswer[]>[] = [];
      const step = Math.min(pending, 8);
      for (let sent = 0; sent < connections; sent += step) {
        open.push(send(Math.min(step, connections - sent)));
        const arrived = Math.min(sent + step, connections);
        const what = `${arrived} requests to reach ${callee}`;
        await waitUntil(async () => (await reached()) === arrived, { ...patience, what });
      }
      open.push(send(pending));
      await waitUntil(async () => (await countOf(mesh.site, caller, waiting)) === pending, {
        ...patience,
        what: `${pending} requests to ${callee} to wait`,
      });
      expect(await countOf(mesh.site, caller, overflow)).toBe(before);

      // They are answered while all others still wait.
      const refused = await send(7);
      expect(refused.map(({ status }) => status)).toEqual(Array.from({ length: 7 }, () => 503));
      for (const { headers } of refused) expect(headers['x-envoy-overloaded']).toBe('true');
      expect(await countOf(mesh.site, caller, overflow)).toBe(before + 7);
      expect(await reached()).toBe(connections);

      const all = Promise.all(open);
      await waitUntil(async () => (await standIn.release(), await settled(all)), {
        ...patience,
        what: 'all others to be answered',
      });
      const answers = (await all).flat();
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(connections + pending);
    });
  });
}

/** Whether a promise has ended by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, new Promise((go) => setTimeout(go, 100, pending))])) !== pending;
}
