import { evolve } from './evolve.ts';
import type { Plan } from './plan.ts';
import type { Checkpoint, Recorded, SagaState, StepRecord, Wishes } from './state.ts';
import { openCall } from './transitions.ts';

/**
 * A saga as this process meets it first: the spec, and what the checkpoint says. Where the finalizer is held, or the checkpoint tells of a
 * beginning, commands may have left before, so every step before the pivot may have been sent; the stored replies of the fences bring the
 * rest back. A wish or a deadline that is there already is heeded before the first decision.
 */
export function restore(
  plan: Plan,
  wishes: Wishes,
  recorded: Recorded,
  checkpoint: Checkpoint,
  nowMillis: number,
): SagaState {
  return evolve(stored(plan, wishes, recorded, checkpoint, nowMillis), { kind: 'TimePassed' }, nowMillis);
}

function stored(
  plan: Plan,
  wishes: Wishes,
  recorded: Recorded,
  checkpoint: Checkpoint,
  nowMillis: number,
): SagaState {
  const hasBegun =
    recorded.finalizer || checkpoint.failure !== null || checkpoint.steps.some((step) => step.attempts > 0);
  const common = {
    plan,
    wishes,
    recorded,
    steps: plan.steps.map((step, index) =>
      restoreStep(step.name, index < plan.pivotIndex && hasBegun, checkpoint),
    ),
    results: checkpoint.results,
    // Never in the future: written by an operator whose clock was ahead of ours, it would put the deadline off by as much.
    startedAtMillis: Math.min(checkpoint.startedAtMillis ?? nowMillis, nowMillis),
    failure: checkpoint.failure,
    pivotPassed: false,
    abandoned: checkpoint.abandoned,
    lookUp: null,
  };
  if (recorded.outcome) {
    const finishedAtMillis = checkpoint.finishedAtMillis ?? nowMillis;
    return { ...common, phase: 'Ended', outcome: recorded.outcome, finishedAtMillis };
  }
  if (checkpoint.failure) return { ...common, phase: 'Revoking', call: openCall('revoke', plan.pivotIndex) };
  return { ...common, phase: 'Forward', call: openCall('execute', 0) };
}

function restoreStep(name: string, mayHaveBeenSent: boolean, checkpoint: Checkpoint): StepRecord {
  const stored = checkpoint.steps.find((step) => step.name === name);
  return {
    state: stored?.state ?? 'Pending',
    attempts: stored?.attempts ?? 0,
    mayHaveBeenSent,
    startedAtMillis: stored?.startedAtMillis ?? null,
    finishedAtMillis: stored?.finishedAtMillis ?? null,
    reason: stored?.reason ?? '',
    message: stored?.message ?? '',
  };
}
