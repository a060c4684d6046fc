import { checkAll } from '@sagamesh/invariants/all-invariants';
import type { ReplayFact } from '@sagamesh/invariants/facts';
import { makePlan } from '../schedule/make-plan.ts';
import type { RunPlan } from '../schedule/run-plan.ts';
import type { RunResult } from './run-result.ts';
import { runWorld } from './run-world.ts';

/** One run from its plan to its findings. */

export interface RunOptions {
  /** The databases on real SQL (PGlite) instead of in memory. */
  readonly onSql?: boolean;
  /** Run twice, and hold both traces against each other (I14). */
  readonly twice?: boolean;
  readonly keepTrace?: boolean;
}

export function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  return runPlan(makePlan(seed), options);
}

export async function runPlan(plan: RunPlan, options: RunOptions = {}): Promise<RunResult> {
  // First: all runs of a process share its SQL engines, and the run that is judged must be the one whose rows they hold.
  const rehearsal = options.twice ? await rehearse(plan, options) : undefined;
  const { world, overrun } = await runWorld(plan, options);
  const traceHash = world.sim.trace.hash;
  const replays: ReplayFact[] =
    rehearsal === undefined
      ? []
      : [{ what: `trace of seed ${plan.seed}`, first: rehearsal, second: traceHash }];
  const facts = await world.facts(replays);
  const { sim } = world;
  await world.databases.close();
  return {
    seed: plan.seed,
    traceHash,
    sagas: facts.sagas?.length ?? 0,
    virtualMillis: sim.nowMillis,
    eventsRun: sim.eventsRun,
    bitten: Object.fromEntries(sim.faults.bitten),
    counts: Object.fromEntries(sim.counts),
    findings: [...checkAll(facts), ...overrun],
    traceLines: sim.trace.lines,
  };
}

/** Answers the trace's hash. */
async function rehearse(plan: RunPlan, options: RunOptions): Promise<string> {
  const { world } = await runWorld(plan, options);
  await world.databases.close();
  return world.sim.trace.hash;
}
