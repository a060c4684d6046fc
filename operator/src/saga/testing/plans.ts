import { stepSchema } from '@sagamesh/contracts/order-saga';
import { planOf } from '../plan.ts';
import type { Plan } from '../plan.ts';
import type { Checkpoint, Recorded, SagaState, Wishes } from '../state.ts';

/** Plans, wishes and checkpoints for tests: each call shows only what differs from the usual case. */

export interface PlanShape {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly timeoutSeconds: number;
  readonly maxAttempts: number;
  readonly initialMillis: number;
}

/** a, b (before), p (the pivot), n (after); 10 s per attempt, 3 attempts, pauses of 100, 200, ... milliseconds. */
export function planWith(change: Partial<PlanShape> = {}): Plan {
  const shape = {
    before: ['a', 'b'],
    after: ['n'],
    timeoutSeconds: 10,
    maxAttempts: 3,
    initialMillis: 100,
    ...change,
  };
  const { timeoutSeconds, maxAttempts, initialMillis } = shape;
  const common = { service: 'fake', execute: 'do', timeoutSeconds, retry: { maxAttempts, initialMillis } };
  const checked = planOf({
    steps: [
      ...shape.before.map((name) => stepSchema.parse({ ...common, name, compensate: 'undo' })),
      stepSchema.parse({ ...common, name: 'p', pivot: true }),
      ...shape.after.map((name) => stepSchema.parse({ ...common, name })),
    ],
  });
  if (checked.kind === 'invalid') throw new Error(checked.problem);
  return checked.plan;
}

export const noWishes: Wishes = {
  suspend: false,
  cancel: false,
  deleting: false,
  deadlineSeconds: 300,
  ttlSecondsAfterFinished: 60,
  abandon: null,
};

export const nothingRecorded: Recorded = { finalizer: false, failure: null, abandoned: [], outcome: null };

export const emptyCheckpoint: Checkpoint = {
  steps: [],
  results: {},
  failure: null,
  abandoned: [],
  startedAtMillis: null,
  finishedAtMillis: null,
};

/** What a status write of this moment leaves behind. */
export function checkpointOf(state: SagaState): Checkpoint {
  return {
    steps: state.plan.steps.map(({ name }, index) => {
      const record = state.steps[index];
      if (!record) throw new RangeError(`no record of step ${name}`);
      const { mayHaveBeenSent: _, ...stored } = record;
      return { name, ...stored };
    }),
    results: state.results,
    failure: state.failure,
    abandoned: state.abandoned,
    startedAtMillis: state.startedAtMillis,
    finishedAtMillis: state.phase === 'Ended' ? state.finishedAtMillis : null,
  };
}

/** Freezes all the way down, so that whoever changes a state in place is found at once. Stops at what is frozen already. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}
