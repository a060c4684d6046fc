import { meshWorkloads } from '@sagamesh/mesh/mesh-site';
import { describe, expect, it } from 'vitest';
import type { MeshClient } from './mesh-client.ts';
import { refusedPushes, statsOf } from './proxy-facts.ts';

/** Whether the proxies have taken all that istiod told them, also while it was changed. */

export function describeConfiguration(mesh: MeshClient): void {
  describe('configuration', () => {
    it.each(meshWorkloads)('is refused by no part of the proxy of %s', async (workload) => {
      const refusals = await statsOf(mesh.site, workload, /update_rejected$/);
      expect(refusals.length).toBeGreaterThan(1);
      expect(refusals.filter(({ value }) => value !== 0)).toEqual([]);
    });

    it('was refused by no proxy that istiod knows', async () => {
      const metrics = await mesh.site.istiodMetrics();
      expect(metrics).toContain('pilot_xds_pushes');
      expect(refusedPushes(metrics)).toBe(0);
    });
  });
}
