import type { Finding } from '@sagamesh/invariants/finding';
import { Sim, SimOverrunError } from '../kernel/sim.ts';
import type { RunPlan } from '../schedule/run-plan.ts';
import { memoryDatabases } from '../world/databases.ts';
import { sqlDatabases } from '../world/sql-databases.ts';
import { World } from '../world/world.ts';
import type { WorldOptions } from '../world/world.ts';

/** Runs a plan's system to its end. */

export interface WorldRunOptions extends WorldOptions {
  /** The databases on real SQL (PGlite) instead of in memory. */
  readonly onSql?: boolean;
  readonly keepTrace?: boolean;
  /** Called before anything happens. */
  readonly prepare?: (sim: Sim) => void;
}

export interface WorldRun {
  readonly world: World;
  /** A run that never came to rest. */
  readonly overrun: readonly Finding[];
}

export async function runWorld(plan: RunPlan, options: WorldRunOptions): Promise<WorldRun> {
  const { onSql = false, keepTrace = false, prepare } = options;
  const sim = new Sim({ seed: plan.seed, keepTrace });
  prepare?.(sim);
  const world = new World(plan, sim, onSql ? await sqlDatabases(sim) : memoryDatabases(sim), options);
  try {
    await world.run();
    return { world, overrun: [] };
  } catch (error) {
    if (!(error instanceof SimOverrunError)) throw error;
    return { world, overrun: [{ invariant: 'I10', evaluated: 1, violations: [error.message] }] };
  }
}
