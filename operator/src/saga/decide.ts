import type { Direction } from '@sagamesh/contracts/messages';
import { stepAt, stuckAfterAttempts } from './plan.ts';
import type { EndedSaga, OpenSaga, SagaState } from './state.ts';

/**
 * What must be done now. One action at a time: each is a gate that the laws put before the next, and its completion comes back as a fact
 * (ObjectObserved with what is now recorded, or CommandSent).
 */
export type Action =
  | { readonly kind: 'LookUpServices' }
  /** Before the first command (docs/architecture.md, law 4): `kubectl delete` must find us in the way. */
  | { readonly kind: 'HoldFinalizer' }
  /** Before the first REVOKE (law 4): after a restart the saga must still know that it turned round. */
  | { readonly kind: 'RecordFailure' }
  | {
      readonly kind: 'Send';
      readonly stepIndex: number;
      readonly direction: Direction;
      readonly attempt: number;
    }
  /** After the last acknowledgement (law 5). */
  | { readonly kind: 'RecordOutcome' }
  /** After the outcome (law 5). */
  | { readonly kind: 'ReleaseFinalizer' }
  | { readonly kind: 'DeleteObject' };

export interface Decision {
  readonly action: Action | null;
  /** When to look again if nothing happens before, in epoch milliseconds. */
  readonly wakeAtMillis: number | null;
}

/** How long a plan waits before it asks again whether its services have come, in milliseconds. */
export const servicesLookUpMillis = 2_000;

/** Level-triggered: depends on the state and the time alone, so asking twice gives the same answer. */
export function decide(state: SagaState, nowMillis: number): Decision {
  return state.phase === 'Ended' ? decideEnded(state, nowMillis) : decideOpen(state, nowMillis);
}

function decideEnded(state: EndedSaga, nowMillis: number): Decision {
  if (!state.recorded.outcome) return doNow({ kind: 'RecordOutcome' });
  if (state.recorded.finalizer) return doNow({ kind: 'ReleaseFinalizer' });
  if (state.wishes.deleting) return { action: null, wakeAtMillis: null };
  const expiresAtMillis = state.finishedAtMillis + state.wishes.ttlSecondsAfterFinished * 1_000;
  return nowMillis >= expiresAtMillis
    ? doNow({ kind: 'DeleteObject' })
    : { action: null, wakeAtMillis: expiresAtMillis };
}

function decideOpen(state: OpenSaga, nowMillis: number): Decision {
  const { call } = state;
  const deadline = deadlineMillis(state);
  if (call.wait.kind !== 'ready') {
    return { action: null, wakeAtMillis: earliest(call.wait.untilMillis, deadline) };
  }
  if (state.phase === 'Forward') {
    if (isHeldBack(state)) return { action: null, wakeAtMillis: deadline };
    if (nothingWasSent(state)) {
      const waiting = whileServicesAreMissing(state, nowMillis, deadline);
      if (waiting) return waiting;
    }
  }
  if (!state.recorded.finalizer && !state.wishes.deleting) return doNow({ kind: 'HoldFinalizer' });
  if (state.failure && !state.recorded.failure) return doNow({ kind: 'RecordFailure' });
  return doNow({
    kind: 'Send',
    stepIndex: call.stepIndex,
    direction: call.direction,
    attempt: call.attempt + 1,
  });
}

/** Before the first command: a plan that names a service without a consumer sends nothing. */
function whileServicesAreMissing(
  state: OpenSaga,
  nowMillis: number,
  deadline: number | null,
): Decision | null {
  const { lookUp } = state;
  if (lookUp === null) return doNow({ kind: 'LookUpServices' });
  if (lookUp.missing.length === 0) return null;
  const nextMillis = lookUp.atMillis + servicesLookUpMillis;
  if (nowMillis >= nextMillis) return doNow({ kind: 'LookUpServices' });
  return { action: null, wakeAtMillis: earliest(nextMillis, deadline) };
}

/**
 * Suspend gates only an EXECUTE that has not been sent yet: never a retry, an undo, a cancel or a delete. Past the pivot a delete finishes
 * first, so there too it must not wait for somebody to resume what nobody wants any more.
 */
export function isHeldBack(state: OpenSaga): boolean {
  const { suspend, deleting } = state.wishes;
  return (
    suspend && !deleting && state.phase === 'Forward' && state.steps[state.call.stepIndex]?.attempts === 0
  );
}

/** As far as this process and the checkpoint know. */
export function nothingWasSent(state: SagaState): boolean {
  return state.steps.every((record) => record.attempts === 0);
}

/** The deadline counts only as long as the pivot is not known to be taken. */
function deadlineMillis(state: OpenSaga): number | null {
  if (state.phase !== 'Forward' || state.pivotPassed) return null;
  return state.startedAtMillis + state.wishes.deadlineSeconds * 1_000;
}

function doNow(action: Action): Decision {
  return { action, wakeAtMillis: null };
}

function earliest(a: number, b: number | null): number {
  return b === null ? a : Math.min(a, b);
}

/** An acknowledgement that is never given up and is past its budget, or was refused: people must look (docs/architecture.md). */
export function isStuck(state: OpenSaga): boolean {
  const { call, plan } = state;
  const neverGivenUp = call.direction !== 'execute' || call.stepIndex > plan.pivotIndex;
  return (
    call.refused || (neverGivenUp && call.attempt > stuckAfterAttempts(stepAt(plan, call.stepIndex).retry))
  );
}

/** Outcome recorded, finalizer released: nothing is left but to expire. */
export function isOver(state: SagaState): boolean {
  return state.phase === 'Ended' && state.recorded.outcome !== null && !state.recorded.finalizer;
}
