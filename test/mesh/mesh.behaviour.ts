import type { MeshSite } from '@sagamesh/mesh/mesh-site';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { describeCallers } from './callers.behaviour.ts';
import { describeConfiguration } from './configuration.behaviour.ts';
import { describeConnectionPool } from './connection-pool.behaviour.ts';
import { describeDelivery } from './delivery.behaviour.ts';
import { describeEjection } from './ejection.behaviour.ts';
import { meshClient } from './mesh-client.ts';
import { meshTokens, type MeshTokens } from './mesh-tokens.ts';
import { describeRateLimit } from './rate-limit.behaviour.ts';
import { describeTokens } from './tokens.behaviour.ts';

/**
 * What the mesh promises, asked of real proxies under the project's manifests; only the apps are stand-ins. Nothing here depends on how fast a machine
 * is: facts are counters, what an upstream saw, and who was answered before whom.
 */

export function describeMesh(name: string, startSite: () => Promise<MeshSite>): void {
  describe(`the mesh (${name})`, () => {
    let site: MeshSite;
    let tokens: MeshTokens;
    let checks = 0;

    beforeAll(async () => {
      site = await startSite();
      tokens = await meshTokens(await site.signingKey());
    });

    // Every upstream is well, and has forgotten what it saw.
    beforeEach(async () => {
      for (const name of ['order', 'user', 'payment-provider'] as const) {
        await site.standIn(name).answer({ status: 200 });
      }
    });

    afterEach(({ task }) => {
      if (task.result?.state !== 'fail') checks += 1;
    });

    afterAll(async () => {
      await site?.close();
      process.stdout.write(`the mesh (${name}): ${checks} checks passed\n`);
    });

    const mesh = meshClient(
      () => site,
      () => tokens,
    );
    describeTokens(mesh);
    describeCallers(mesh);
    describeConnectionPool(mesh);
    describeDelivery(mesh);
    describeEjection(mesh);
    describeRateLimit(mesh);
    // Last: it looks back on all that the others have changed.
    describeConfiguration(mesh);
  });
}
