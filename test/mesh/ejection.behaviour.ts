import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { describe, expect, it } from 'vitest';
import { callProvider, orders, patience, type MeshClient } from './mesh-client.ts';
import { countOf, ejectionTimeOf, toService } from './proxy-facts.ts';
import { breakerOf, manifest, withShortEjection } from './shop-manifests.ts';

/** What becomes of an upstream that is not well. */

export function describeEjection(mesh: MeshClient): void {
  const { from, outside, post } = mesh;

  describe('an upstream that fails again and again', () => {
    it.each([
      ['gateway', 'order', () => outside(post(orders))],
      ['payment', 'payment-provider', () => from('payment', callProvider)],
    ] as const)('is left alone for a while, and tried again: %s -> %s', async (caller, callee, call) => {
      const { failures, ejectionTime } = breakerOf(callee);
      const ejected = toService(callee, String.raw`outlier_detection\.ejections_active`);
      const inForce = (time: string) =>
        waitUntil(async () => (await ejectionTimeOf(mesh.site, caller, callee)) === time, {
          ...patience,
          what: `${caller} to eject ${callee} for ${time}`,
        });
      expect(failures).toBeGreaterThan(1);
      await mesh.site.apply([withShortEjection(callee, 10)]);
      try {
        await inForce('10s');
        expect((await call()).status).toBe(200);
        await mesh.site.standIn(callee).answer({ status: 503 });
        for (let n = 1; n < failures; n += 1) expect((await call()).status).toBe(503);
        expect(await countOf(mesh.site, caller, ejected)).toBe(0);
        expect((await call()).status).toBe(503);
        expect(await countOf(mesh.site, caller, ejected)).toBe(1);
        expect(await mesh.site.standIn(callee).seen()).toHaveLength(failures);

        // Open: the caller's proxy answers, and the upstream is spared, although it would be well again.
        await mesh.site.standIn(callee).answer({ status: 200 });
        expect((await call()).status).toBe(503);
        expect(await mesh.site.standIn(callee).seen()).toEqual([]);

        await waitUntil(async () => (await countOf(mesh.site, caller, ejected)) === 0, {
          ...patience,
          what: `${callee} to come back`,
        });
        expect((await call()).status).toBe(200);
      } finally {
        await mesh.site.apply([manifest('DestinationRule', callee)]);
      }
      await inForce(ejectionTime);
    });
  });
}
