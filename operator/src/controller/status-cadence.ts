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
  if (!haveSameConditions(stored, projected)) {
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
  if (!areAsFar(stored, projected)) return 'transition';
  return hasNewPowerOfTwo(stored, projected) ? 'attempts' : null;
}

function haveSameConditions(a: OrderSagaStatus, b: OrderSagaStatus): boolean {
  return (
    a.observedGeneration === b.observedGeneration &&
    a.outcome === b.outcome &&
    a.failure?.reason === b.failure?.reason &&
    a.abandoned?.length === b.abandoned?.length &&
    areAlike(a.conditions, b.conditions, ['type', 'status', 'reason'])
  );
}

function areAsFar(a: OrderSagaStatus, b: OrderSagaStatus): boolean {
  return (
    a.currentStep === b.currentStep &&
    a.progress === b.progress &&
    a.startedAt === b.startedAt &&
    areAlike(a.steps, b.steps, ['name', 'state']) &&
    isDeepStrictEqual(a.results, b.results)
  );
}

/** Equal in these fields, one by one: what is compared after every fold should not be built first. */
function areAlike<T extends object>(
  a: readonly T[] | undefined,
  b: readonly T[] | undefined,
  fields: readonly (keyof T)[],
): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.length === b.length &&
    a.every((item, index) => {
      const other = b[index];
      return other !== undefined && fields.every((field) => item[field] === other[field]);
    })
  );
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
