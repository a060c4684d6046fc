import type { OrderSagaSpec, Retry, Step } from '@sagamesh/contracts/order-saga';

/** The pure core of the operator: no input or output, no clock, no randomness. This file: the plan, which is data from the spec. */

export interface Plan {
  readonly steps: readonly Step[];
  /** The step whose fence row decides the saga: executed = commit, tombstone = abort. */
  readonly pivotIndex: number;
}

export type PlanCheck =
  { readonly kind: 'valid'; readonly plan: Plan } | { readonly kind: 'invalid'; readonly problem: string };

/** Admission checks the same; this is for objects stored before a rule existed, or past a disabled one. */
export function planOf(spec: Pick<OrderSagaSpec, 'steps'>): PlanCheck {
  const { steps } = spec;
  const pivots = steps.filter((step) => step.pivot);
  if (pivots.length !== 1) return invalid(`exactly one step must be the pivot, found ${pivots.length}`);
  if (new Set(steps.map((step) => step.name)).size !== steps.length) {
    return invalid('step names must be unique');
  }
  const pivotIndex = steps.findIndex((step) => step.pivot);
  const bare = steps.slice(0, pivotIndex).find((step) => step.compensate === undefined);
  if (bare) return invalid(`step ${bare.name} is before the pivot and has no compensate action`);
  const extra = steps.slice(pivotIndex).find((step) => step.compensate !== undefined);
  if (extra)
    return invalid(`step ${extra.name} is not before the pivot and may not have a compensate action`);
  return { kind: 'valid', plan: { steps, pivotIndex } };
}

function invalid(problem: string): PlanCheck {
  return { kind: 'invalid', problem };
}

export function stepAt(plan: Plan, index: number): Step {
  const step = plan.steps[index];
  if (!step) throw new RangeError(`the plan has no step ${index}`);
  return step;
}

/** Longest pause between two tries of something that must not be given up, in milliseconds (docs/architecture.md). */
export const undoBackoffMillisMax = 60_000;

/** Pause after the given attempt (1, 2, ...), in milliseconds. */
export function backoffMillis(retry: Retry, attempt: number, maxMillis: number = retry.maxMillis): number {
  return Math.min(retry.initialMillis * retry.factor ** Math.max(0, attempt - 1), maxMillis);
}

/**
 * Attempts after which an acknowledgement that is never given up counts as stuck. Twice the forward budget: an undo deserves more patience
 * than a try (docs/adr/0009-stuck-after-twice-the-budget.md).
 */
export function stuckAfterAttempts(retry: Retry): number {
  return retry.maxAttempts * 2;
}
