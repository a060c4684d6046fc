import type { RunPlan } from '../schedule/run-plan.ts';
import { bootMillis } from '../world/world.ts';
import { isIdle, placed } from './boundary-places.ts';
import type { PlacedBoundary } from './boundary-places.ts';
import { planOf, runBoundary } from './boundary-run.ts';
import type { BoundaryRun } from './boundary-run.ts';
import type { Scenario } from './boundary-scenarios.ts';

/**
 * A scenario's undisturbed course: its boundaries are the ones to die at. Of all that the run passes two stretches are left out: the start of the
 * system, where there is no saga yet; and, behind the last boundary that belongs to the saga, what goes on for ever (renewals of the Lease,
 * polls that find nothing), where there is nothing left to break. In between the Lease and the polls are in it.
 */
export interface Course {
  readonly scenario: Scenario;
  readonly plan: RunPlan;
  /** Ordinal of the first boundary. */
  readonly first: number;
  readonly boundaries: readonly PlacedBoundary[];
  readonly quiet: BoundaryRun;
}

/** Runs it twice: both traces must agree (I14), or no boundary would be found again. */
export async function recordCourse(scenario: Scenario): Promise<Course> {
  const plan = await planOf(scenario);
  const { traceHash: earlierHash } = await runBoundary(plan);
  const quiet = await runBoundary(plan, { earlierHash });
  const first = quiet.passed.findIndex(({ atMillis }) => atMillis >= bootMillis);
  const last = quiet.passed.findLastIndex((boundary) => !isIdle(boundary));
  return { scenario, plan, first, boundaries: placed(quiet.passed.slice(first, last + 1)), quiet };
}
