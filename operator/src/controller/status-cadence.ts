import { isDeepStrictEqual } from 'node:util';
import type { OrderSagaStatus } from '@sagamesh/contracts/order-saga';

/** When a changed status is worth a write. Every write counts: the API server, not the saga logic, is the ceiling (docs/architecture.md). */

export type WriteDue =
  | { readonly kind: 'never' }
  | { readonly kind: 'now'; readonly cause: 'first' | 'condition' | 'transition' | 'attempts' }
  | { readonly kind: 'later'; readonly atMillis: number };

/** At most one write per second for steps that move on. */
export const transitionIntervalMillis = 1_000;

export function whenToWrite(
  stored: OrderSagaStatus,
  projected: OrderSagaStatus,
  lastWriteMillis: number,
  nowMillis: number,
): WriteDue {
  if (!stored.conditions?.length) return { kind: 'now', cause: 'first' };
  if (!isDeepStrictEqual(conditionSummary(stored), conditionSummary(projected))) {
    return { kind: 'now', cause: 'condition' };
  }
  const cause = coalescedCause(stored, projected);
  if (!cause) return { kind: 'never' };
  const atMillis = lastWriteMillis + transitionIntervalMillis;
  return nowMillis >= atMillis ? { kind: 'now', cause } : { kind: 'later', atMillis };
}

function coalescedCause(
  stored: OrderSagaStatus,
  projected: OrderSagaStatus,
): 'transition' | 'attempts' | null {
  if (!isDeepStrictEqual(transitionSummary(stored), transitionSummary(projected))) return 'transition';
  return hasNewPowerOfTwo(stored, projected) ? 'attempts' : null;
}

function conditionSummary(status: OrderSagaStatus) {
  return {
    conditions: status.conditions?.map(({ type, status: truth, reason }) => [type, truth, reason]),
    observedGeneration: status.observedGeneration,
    outcome: status.outcome,
    failure: status.failure?.reason,
    abandoned: status.abandoned?.length,
  };
}

function transitionSummary(status: OrderSagaStatus) {
  return {
    steps: status.steps?.map((step) => [step.name, step.state]),
    currentStep: status.currentStep,
    progress: status.progress,
    results: status.results,
    startedAt: status.startedAt,
  };
}

/** Attempts alone are written at 1, 2, 4, 8, ... so a step that is retried for hours costs a dozen writes. */
function hasNewPowerOfTwo(stored: OrderSagaStatus, projected: OrderSagaStatus): boolean {
  return (projected.steps ?? []).some((step) => {
    const before = stored.steps?.find((other) => other.name === step.name)?.attempts ?? 0;
    return (
      step.attempts > before &&
      Math.floor(Math.log2(step.attempts)) > Math.floor(Math.log2(Math.max(before, 0.5)))
    );
  });
}
