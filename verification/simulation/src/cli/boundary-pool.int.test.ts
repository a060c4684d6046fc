import { expect, it } from 'vitest';
import { mutantNamed } from '../mutants/all-mutants.ts';
import { enumerateBoundaries } from './boundary-pool.ts';
import { buildWorker } from './build-worker.ts';
import type { SourcePatch } from './build-worker.ts';

/** The judge of the enumeration judged: with a bug in the product it must find a violation, and without one none. */

async function enumerate(name: string, scenario: string, patches: readonly SourcePatch[]) {
  const bundle = await buildWorker(`boundary-${name}`, 'cli/boundary-worker.ts', patches);
  const { tallies, found } = await enumerateBoundaries({
    bundle,
    scenarios: [scenario],
    stopAtFailure: true,
  });
  const died = tallies.reduce((sum, { boundaries }) => sum + boundaries, 0);
  return { died, found, failing: tallies.flatMap(({ failing }) => failing) };
}

it.each([
  // Only a second death makes a late command of it.
  { id: 'no-tombstone', scenario: 'paused-create', invariant: /^I\d+: / },
  { id: 'provider-before-intent', scenario: 'cancel-at-command-3', invariant: /^I3: / },
  { id: 'finalizer-dropped-early', scenario: 'no-create', invariant: /^I17: / },
])('catches $id in $scenario', { timeout: 180_000 }, async ({ id, scenario, invariant }) => {
  const { failing } = await enumerate(id, scenario, mutantNamed(id).patches);
  expect(failing.flatMap(({ violations }) => violations)).toContainEqual(expect.stringMatching(invariant));
});

it('dies at every boundary of the product as it stands and finds nothing', { timeout: 180_000 }, async () => {
  const { failing, died, found } = await enumerate('unmutated', 'cancel-at-command-1', []);
  expect(failing).toEqual([]);
  expect(found).toBeGreaterThan(20);
  expect(died).toBe(found);
});
