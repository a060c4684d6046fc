import type { Direction } from '@sagamesh/contracts/messages';
import type { Failure, Outcome } from '@sagamesh/contracts/order-saga';
import { backoffMillis, stepAt, undoBackoffMillisMax } from './plan.ts';
import type { EndedSaga, OpenSaga, SagaState, StepRecord } from './state.ts';

/** The moves of a saga, each a pure function from one state to the next. `evolve.ts` says which fact makes which move. */

export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

export function openCall(direction: Direction, stepIndex: number): OpenSaga['call'] {
  return {
    direction,
    stepIndex,
    attempt: 0,
    commandId: null,
    wait: { kind: 'ready' },
    trouble: null,
    refused: false,
  };
}

/** A copy of the state in which one step's record is changed. */
export function changeStep<S extends SagaState>(
  state: S,
  stepIndex: number,
  change: (record: StepRecord) => Partial<StepRecord>,
): S {
  return {
    ...state,
    steps: state.steps.map((record, index) =>
      index === stepIndex ? { ...record, ...change(record) } : record,
    ),
  };
}

export function nameOfCall(state: OpenSaga): string {
  return stepAt(state.plan, state.call.stepIndex).name;
}

/** After the pivot there is only forward. */
export function isForwardOnly(state: OpenSaga): boolean {
  return state.phase === 'Forward' && state.call.stepIndex > state.plan.pivotIndex;
}

export function forwardFrom(state: OpenSaga, stepIndex: number, nowMillis: number): SagaState {
  if (stepIndex >= state.plan.steps.length) return end(state, 'Completed', nowMillis);
  return { ...state, phase: 'Forward', call: openCall('execute', stepIndex) };
}

/**
 * Law 3, and not only for our own commands: from the moment the finalizer is held, anybody may have sent any step. Another operator that
 * believes it leads, a former process, or a publish whose answer we lost leave no trace in our memory.
 */
export function anyStepMayHaveBeenSent<S extends SagaState>(state: S): S {
  const { pivotIndex } = state.plan;
  if (state.steps.every((record, index) => record.mayHaveBeenSent || index >= pivotIndex)) return state;
  return {
    ...state,
    steps: state.steps.map((record, index) =>
      index < pivotIndex ? { ...record, mayHaveBeenSent: true } : record,
    ),
  };
}

/** Law 3: in reverse order, each until acknowledged, every step before the pivot that may have been sent. */
export function undoBelow(state: OpenSaga, stepIndex: number, nowMillis: number): SagaState {
  for (let index = stepIndex - 1; index >= 0; index -= 1) {
    if (state.steps[index]?.mayHaveBeenSent) {
      return { ...state, phase: 'Undoing', call: openCall('compensate', index) };
    }
  }
  return end(state, 'Compensated', nowMillis);
}

/** The saga turns round: first the pivot must be revoked (law 2), then what may have happened is undone. */
export function abort(state: OpenSaga, trouble: Trouble, nowMillis: number): SagaState {
  const failure = {
    step: nameOfCall(state),
    reason: trouble.reason,
    message: trouble.message.slice(0, 256),
  };
  // No finalizer was ever held, so no command can have left: nothing to revoke, nothing to undo.
  if (!state.recorded.finalizer && !state.steps.some((record) => record.mayHaveBeenSent)) {
    return end({ ...state, failure }, 'Compensated', nowMillis);
  }
  return turnAs(state, failure);
}

/** Another operator turned the saga round and wrote down why: so do we, for the same reason. */
export function turnAs(state: OpenSaga, failure: Failure): OpenSaga {
  return { ...state, failure, phase: 'Revoking', call: openCall('revoke', state.plan.pivotIndex) };
}

/** An end that was not one: the question goes to the pivot, as in every abort. */
export function reopen(state: EndedSaga): OpenSaga {
  const { outcome: _, finishedAtMillis: __, ...rest } = state;
  const steps = state.steps.map((record) =>
    record.state === 'Skipped' ? { ...record, state: 'Pending' as const } : record,
  );
  return { ...rest, steps, phase: 'Revoking', call: openCall('revoke', state.plan.pivotIndex) };
}

/** Again after a pause. What must not be given up pauses longer and longer, up to a minute. */
export function waitAgain(state: OpenSaga, trouble: Trouble, nowMillis: number): OpenSaga {
  const { call } = state;
  const { retry } = stepAt(state.plan, call.stepIndex);
  const hasBudget = call.direction === 'execute' && !isForwardOnly(state);
  const pause = backoffMillis(retry, call.attempt, hasBudget ? retry.maxMillis : undoBackoffMillisMax);
  return { ...state, call: { ...call, trouble, wait: { kind: 'backoff', untilMillis: nowMillis + pause } } };
}

function end(state: OpenSaga, outcome: Outcome, nowMillis: number): EndedSaga {
  return endAs(state, state.abandoned.length > 0 ? 'Abandoned' : outcome, nowMillis);
}

/** Ends with exactly this outcome: one that was reached, or one that is stored already. */
export function endAs(state: OpenSaga, outcome: Outcome, nowMillis: number): EndedSaga {
  const { call: _, phase: __, ...rest } = state;
  return {
    ...rest,
    steps: state.steps.map((record) =>
      record.state === 'Pending' ? { ...record, state: 'Skipped' as const } : record,
    ),
    phase: 'Ended',
    outcome,
    finishedAtMillis: nowMillis,
  };
}
