import { isDeepStrictEqual } from 'node:util';
import type { Condition } from '@sagamesh/contracts/order-saga';
import { conditionReasons, failureReasons } from '@sagamesh/contracts/reasons';
import type { ConditionReason } from '@sagamesh/contracts/reasons';
import { unreachable } from '@sagamesh/contracts/unreachable';
import { isHeldBack, isStuck, nothingWasSent } from '../saga/decide.ts';
import type { EndedSaga, OpenSaga, SagaState } from '../saga/state.ts';
import { nameOfCall } from '../saga/transitions.ts';
import { cutText } from './cut-text.ts';

/**
 * The four conditions, from the state alone. Truth table: kstatus (sigs.k8s.io/cli-utils, pkg/kstatus) and the API conventions; a terminal end
 * that is no success sets Stalled, or Flux and Argo CD would wait for ever, and Reconciling and Stalled are never both True.
 */

const messageMax = 256;

type Truth = Condition['status'];

export interface Verdict {
  readonly succeeded: Truth;
  readonly ready: Truth;
  readonly reconciling: Truth;
  readonly stalled: Truth;
  readonly reason: ConditionReason;
  readonly message: string;
}

const running = { succeeded: 'Unknown', ready: 'False', reconciling: 'True', stalled: 'False' } as const;
const waiting = { succeeded: 'Unknown', ready: 'False', reconciling: 'False', stalled: 'False' } as const;
const stuck = { succeeded: 'Unknown', ready: 'False', reconciling: 'False', stalled: 'True' } as const;
const failed = { succeeded: 'False', ready: 'False', reconciling: 'False', stalled: 'True' } as const;
const succeeded = { succeeded: 'True', ready: 'True', reconciling: 'False', stalled: 'False' } as const;

export function verdictOf(state: SagaState): Verdict {
  return state.phase === 'Ended' ? verdictOfEnded(state) : verdictOfOpen(state);
}

/** `isInTheWay`: it is being deleted and our finalizer holds it. Steps may have been sent, and a plan that cannot be read undoes nothing. */
export function verdictOfInvalid(problem: string, isInTheWay = false): Verdict {
  const wayOut = isInTheWay
    ? '; steps may have been sent, so the finalizer stays: correct the spec, or undo by hand and remove it'
    : '';
  const message = `${cutText(problem, messageMax - wayOut.length)}${wayOut}`;
  return { ...failed, reason: conditionReasons.InvalidSpec, message };
}

function verdictOfEnded(state: EndedSaga): Verdict {
  switch (state.outcome) {
    case 'Completed':
      return { ...succeeded, reason: conditionReasons.Completed, message: 'every step took effect' };
    case 'Compensated': {
      const message = `every step that may have taken effect was undone: ${causeOf(state)}`;
      return { ...failed, reason: conditionReasons.Compensated, message };
    }
    case 'Abandoned': {
      const names = state.abandoned.map((entry) => entry.step).join(', ');
      const message = `given up by hand: ${names}; check the services concerned`;
      return { ...failed, reason: conditionReasons.Abandoned, message };
    }
    default:
      return unreachable(state.outcome);
  }
}

function verdictOfOpen(state: OpenSaga): Verdict {
  const step = nameOfCall(state);
  const trouble = state.call.trouble;
  if (isStuck(state)) {
    const message = `${step}: ${trouble?.reason ?? 'no answer'}: ${trouble?.message ?? ''}; still trying`;
    return { ...stuck, reason: stuckReason(state), message };
  }
  if (state.phase !== 'Forward') {
    return { ...running, reason: turnedReason(state), message: `undoing: ${causeOf(state)}` };
  }
  if (state.wishes.deleting) {
    return {
      ...running,
      reason: conditionReasons.Deleting,
      message: `${step} first: past the pivot there is only forward`,
    };
  }
  if (isHeldBack(state)) {
    return { ...waiting, reason: conditionReasons.Suspended, message: `spec.suspend holds back ${step}` };
  }
  const missing = nothingWasSent(state) ? (state.lookUp?.missing ?? []) : [];
  if (missing.length > 0) {
    const message = `nothing was sent: nobody reads ${missing.join(', ')}; deploy the service or correct the plan`;
    return { ...running, reason: conditionReasons.ServiceUnknown, message };
  }
  return { ...running, reason: conditionReasons.StepRunning, message: `${step} is under way` };
}

function stuckReason(state: OpenSaga): ConditionReason {
  switch (state.phase) {
    case 'Forward':
      return conditionReasons.StepStuck;
    case 'Revoking':
      return conditionReasons.RevokeStuck;
    case 'Undoing':
      return conditionReasons.CompensationStuck;
    default:
      return unreachable(state.phase);
  }
}

function turnedReason(state: OpenSaga): ConditionReason {
  if (state.wishes.deleting) return conditionReasons.Deleting;
  return state.failure?.reason === failureReasons.Cancelled
    ? conditionReasons.Cancelling
    : conditionReasons.Compensating;
}

function causeOf(state: SagaState): string {
  if (!state.failure) return 'no cause recorded';
  return `${state.failure.step}: ${state.failure.reason}: ${state.failure.message}`;
}

/** `lastTransitionTime` moves only when the status of a condition does (API conventions). */
export function conditionsFrom(
  verdict: Verdict,
  stored: readonly Condition[] | undefined,
  observedGeneration: number,
  nowMillis: number,
): Condition[] {
  const now = new Date(nowMillis).toISOString();
  const message = cutText(verdict.message, messageMax);
  const make = (type: Condition['type'], status: Truth): Condition => {
    const before = stored?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
    return { type, status, reason: verdict.reason, message, lastTransitionTime, observedGeneration };
  };
  return [
    make('Succeeded', verdict.succeeded),
    make('Ready', verdict.ready),
    make('Reconciling', verdict.reconciling),
    make('Stalled', verdict.stalled),
  ];
}

export function sayTheSame(now: readonly Condition[], stored: readonly Condition[] | undefined): boolean {
  return isDeepStrictEqual(now.map(wordsOf), stored?.map(wordsOf));
}

function wordsOf({ type, status, reason, message, observedGeneration }: Condition): readonly unknown[] {
  return [type, status, reason, message, observedGeneration];
}
