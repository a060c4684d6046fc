import type { StepState } from '@sagamesh/contracts/order-saga';
import type { Checkpoint, OpenSaga, SagaState, StepRecord } from '@sagamesh/operator/saga/state';
import { someFailure } from './state-space-alphabet.ts';

/**
 * What is left of a saga's state when all is gone that decides nothing, so that there are few of them. Left out, each with the reason:
 *
 *   times            one moment for all; what a time decides is a move of its own (the answer did not come, the deadline passed), possible
 *                    whenever the saga waits. So clocks may be as wrong as they like, also backwards.
 *   pauses           see `CoreTable`: whoever pauses could as well be slow
 *   attempts         counted only where there is a budget; the record of a step knows "none" or "some", and the stored
 *                    one is that of the last writer, also where the real status keeps what another operator has counted
 *   words            reasons, messages, who abandoned, results: carried along, never looked at
 *   command ids      "own" or none: every Failed is taken for that of the last send. More is possible than in truth.
 *   state of a step  only what keeps it from being asked anew (`isAcknowledged` in evolve.ts)
 *
 * `CoreTable` with `verifies` checks that the core cannot tell the difference.
 */

export const nowMillis = 1_000_000;

export interface Precision {
  /** Keep the wait for an answer that is never given up: where a person may abandon it, it matters whether it was asked for. */
  readonly waits: boolean;
  /** Keep whether a step was sent: only suspend looks at that. */
  readonly attempts: boolean;
  /** Keep whether the last attempt ran into trouble: only abandon-step looks at that. */
  readonly trouble: boolean;
}

const noWords = { reason: '', message: '' } as const;
const someTrouble = { reason: 'Trouble', message: '' } as const;

export function canonicalState(state: SagaState, precision: Precision): SagaState {
  const common = {
    plan: state.plan,
    wishes: state.wishes,
    // What is recorded as abandoned is in the state's own list from the moment it is seen.
    recorded: { ...state.recorded, failure: state.recorded.failure && someFailure, abandoned: [] },
    steps: state.steps.map((record) => canonicalRecord(record, precision)),
    results: {},
    startedAtMillis: nowMillis,
    failure: state.failure && someFailure,
    pivotPassed: state.pivotPassed,
    abandoned: state.abandoned.map((entry) => ({ ...entry, by: 'ada', atMillis: nowMillis })),
    lookUp: state.lookUp && { missing: state.lookUp.missing, atMillis: nowMillis },
  };
  return state.phase === 'Ended'
    ? { ...common, phase: 'Ended', outcome: state.outcome, finishedAtMillis: nowMillis }
    : { ...common, phase: state.phase, call: canonicalCall(state, precision) };
}

function canonicalCall({ call, plan }: OpenSaga, precision: Precision): OpenSaga['call'] {
  const { direction, stepIndex, refused, wait } = call;
  const hasBudget = direction === 'execute' && stepIndex <= plan.pivotIndex;
  return {
    direction,
    stepIndex,
    refused,
    attempt: hasBudget ? call.attempt : 0,
    commandId: wait.kind === 'reply' ? call.commandId : null,
    wait: wait.kind === 'ready' ? wait : { kind: wait.kind, untilMillis: nowMillis + 1 },
    trouble: call.trouble && precision.trouble ? someTrouble : null,
  };
}

function canonicalRecord(record: StepRecord, precision: Precision): StepRecord {
  const attempts = precision.attempts ? Math.min(record.attempts, 1) : 0;
  return {
    ...noWords,
    state: attempts > 0 || !precision.attempts ? 'Pending' : acknowledged(record.state),
    attempts,
    mayHaveBeenSent: record.mayHaveBeenSent,
    startedAtMillis: null,
    finishedAtMillis: null,
  };
}

function acknowledged(state: StepState): StepState {
  if (state === 'NothingToUndo') return 'Compensated';
  return state === 'Done' || state === 'Compensated' || state === 'Revoked' ? state : 'Pending';
}

export function canonicalCheckpoint(checkpoint: Checkpoint): Checkpoint {
  return {
    steps: checkpoint.steps.map(({ name, state, attempts }) => ({
      name,
      state,
      attempts,
      startedAtMillis: null,
      finishedAtMillis: null,
      ...noWords,
    })),
    results: {},
    failure: checkpoint.failure && someFailure,
    abandoned: checkpoint.abandoned,
    startedAtMillis: null,
    finishedAtMillis: null,
  };
}

/** Equal for equal canonical states. Written out: an order of keys must not decide. */
export function keyOf(state: SagaState): string {
  const { wishes, recorded } = state;
  const call = state.phase === 'Ended' ? [state.outcome] : callKey(state);
  return [
    state.phase,
    ...call,
    state.failure ? 'f' : '',
    state.pivotPassed ? 'p' : '',
    ...state.abandoned.map((entry) => `${entry.direction} ${entry.step}`),
    ';',
    Number(wishes.suspend) + 2 * Number(wishes.cancel) + 4 * Number(wishes.deleting),
    wishes.abandon?.step ?? '',
    `${Number(recorded.finalizer)}${recorded.failure ? 'f' : ''}${recorded.outcome ?? ''}`,
    state.lookUp ? 'l' : '',
    ...state.steps.map((record) => `${record.state}${record.attempts}${record.mayHaveBeenSent ? 's' : ''}`),
  ].join(',');
}

function callKey({ call }: OpenSaga): readonly (string | number)[] {
  const { direction, stepIndex, attempt, wait, trouble, refused, commandId } = call;
  const flags = `${trouble ? 't' : ''}${refused ? 'r' : ''}${commandId ?? ''}`;
  return [direction, stepIndex, attempt, wait.kind, flags];
}
