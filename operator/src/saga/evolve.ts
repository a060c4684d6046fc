import { resultsMax } from '@sagamesh/contracts/bounded-text';
import type { StepState } from '@sagamesh/contracts/order-saga';
import { failureReasons } from '@sagamesh/contracts/reasons';
import { unreachable } from '@sagamesh/contracts/unreachable';
import { stepAt } from './plan.ts';
import type { Fact, OpenSaga, SagaState, Wishes } from './state.ts';
import {
  abort,
  anyStepMayHaveBeenSent,
  changeStep,
  endAs,
  forwardFrom,
  isForwardOnly,
  nameOfCall,
  reopen,
  turnAs,
  undoBelow,
  waitAgain,
} from './transitions.ts';
import type { Trouble } from './transitions.ts';

type Reply = Extract<Fact, { kind: 'ReplyArrived' }>;
type Observed = Extract<Fact, { kind: 'ObjectObserved' }>;
type Sent = Extract<Fact, { kind: 'CommandSent' }>;

/**
 * What happened, folded into what we believe. A fact that does not fit changes nothing: replies may be late, doubled, or meant for a question
 * that is no longer open.
 */
export function evolve(state: SagaState, fact: Fact, nowMillis: number): SagaState {
  return heed(take(state, fact, nowMillis), nowMillis);
}

function take(state: SagaState, fact: Fact, nowMillis: number): SagaState {
  switch (fact.kind) {
    case 'ObjectObserved':
      return objectObserved(state, fact, nowMillis);
    case 'ServicesLookedUp':
      return { ...state, lookUp: { missing: fact.missing, atMillis: nowMillis } };
    case 'CommandSent':
      return commandSent(state, fact, nowMillis);
    case 'ReplyArrived':
      return replyArrived(state, fact, nowMillis);
    case 'ConnectionRestored':
      return askAgain(state);
    case 'TimePassed':
      return timePassed(state, nowMillis);
    default:
      return unreachable(fact);
  }
}

/** The stored object outranks us: while we were paused, another operator may have been at work. */
function objectObserved(state: SagaState, fact: Observed, nowMillis: number): SagaState {
  const { wishes, recorded } = fact;
  const seen = {
    ...state,
    wishes,
    recorded,
    abandoned: withRecorded(state.abandoned, recorded.abandoned),
    // Of two causes of one abort the one that was written down stands.
    failure: state.failure && (recorded.failure ?? state.failure),
  };
  const next = recorded.finalizer ? anyStepMayHaveBeenSent(seen) : seen;
  if (recorded.outcome) {
    return next.phase === 'Ended'
      ? { ...next, outcome: recorded.outcome }
      : endAs(next, recorded.outcome, nowMillis);
  }
  if (recorded.failure && next.phase === 'Forward' && canTurn(next)) return turnAs(next, recorded.failure);
  // We ended it without a command, since nobody held the finalizer. Somebody does now, so commands may have left.
  const wasTooEarly =
    next.phase === 'Ended' &&
    next.outcome === 'Compensated' &&
    recorded.finalizer &&
    !state.recorded.finalizer;
  return wasTooEarly ? reopen(next) : next;
}

/** What was given up by name stays given up, whichever operator wrote it down. */
function withRecorded(own: SagaState['abandoned'], recorded: SagaState['abandoned']): SagaState['abandoned'] {
  const news = recorded.filter(
    ({ step, direction }) => !own.some((entry) => entry.step === step && entry.direction === direction),
  );
  return news.length === 0 ? own : [...own, ...news];
}

/** What people and the clock want of the state we are in now: turn round, or give up one acknowledgement. */
function heed(state: SagaState, nowMillis: number): SagaState {
  if (state.phase === 'Ended') return state;
  const moved = canTurn(state) ? turnRound(state, nowMillis) : applyAbandon(state, nowMillis);
  return moved === state ? state : heed(moved, nowMillis);
}

function canTurn(state: OpenSaga): boolean {
  return state.phase === 'Forward' && !state.pivotPassed;
}

function turnRound(state: OpenSaga, nowMillis: number): SagaState {
  const trouble = reasonToTurn(state.wishes, state.startedAtMillis, nowMillis);
  return trouble ? abort(state, trouble, nowMillis) : state;
}

function reasonToTurn(wishes: Wishes, startedAtMillis: number, nowMillis: number): Trouble | null {
  if (wishes.deleting) return { reason: failureReasons.Deleted, message: 'the OrderSaga was deleted' };
  if (wishes.cancel) return { reason: failureReasons.Cancelled, message: 'spec.cancel was set' };
  if (nowMillis >= startedAtMillis + wishes.deadlineSeconds * 1_000) {
    const message = `not past the pivot ${wishes.deadlineSeconds} s after the start`;
    return { reason: failureReasons.DeadlineExceeded, message };
  }
  return null;
}

/**
 * Only where the saga can no longer turn round (before that, cancel is the way), and only an acknowledgement that was asked for and did not
 * come: a name written too early, or the wrong name, must not make us leave out an undo that nobody has tried.
 */
function applyAbandon(state: OpenSaga, nowMillis: number): SagaState {
  const step = nameOfCall(state);
  const { direction, stepIndex, trouble } = state.call;
  const known = state.abandoned.some((entry) => entry.step === step && entry.direction === direction);
  const { abandon } = state.wishes;
  if (!known && (abandon?.step !== step || !trouble)) return state;
  const by = abandon?.by ?? '';
  const abandoned = known
    ? state.abandoned
    : [...state.abandoned, { step, direction, by, atMillis: nowMillis }];
  const given = changeStep({ ...state, abandoned }, stepIndex, () => ({
    state: 'Abandoned',
    finishedAtMillis: nowMillis,
  }));
  return direction === 'execute'
    ? forwardFrom(given, stepIndex + 1, nowMillis)
    : undoBelow(given, stepIndex, nowMillis);
}

function commandSent(state: SagaState, fact: Sent, nowMillis: number): SagaState {
  if (state.phase === 'Ended') return state;
  const { call } = state;
  if (call.stepIndex !== fact.stepIndex || call.direction !== fact.direction) return state;
  const { timeoutSeconds } = stepAt(state.plan, fact.stepIndex);
  const sent = changeStep(state, fact.stepIndex, (record) => ({
    startedAtMillis: record.startedAtMillis ?? nowMillis,
    mayHaveBeenSent: record.mayHaveBeenSent || fact.direction === 'execute',
    ...(isAcknowledged(record.state, fact.direction)
      ? {}
      : { state: stateWhileAsking(fact.direction, record.state), attempts: record.attempts + 1 }),
  }));
  const wait = { kind: 'reply', untilMillis: nowMillis + timeoutSeconds * 1_000 } as const;
  return { ...sent, call: { ...call, attempt: call.attempt + 1, commandId: fact.commandId, wait } };
}

/** Asked again only to hear the stored reply, after a restart: what the reader saw done stays done. */
function isAcknowledged(now: StepState, direction: OpenSaga['call']['direction']): boolean {
  switch (direction) {
    case 'execute':
      return now === 'Done';
    case 'compensate':
      return now === 'Compensated' || now === 'NothingToUndo';
    case 'revoke':
      return now === 'Revoked';
    default:
      return unreachable(direction);
  }
}

function stateWhileAsking(direction: OpenSaga['call']['direction'], before: StepState): StepState {
  switch (direction) {
    case 'execute':
      return 'Running';
    case 'compensate':
      return before === 'Rejected' ? before : 'Compensating';
    case 'revoke':
      return before === 'Rejected' ? before : 'Revoking';
    default:
      return unreachable(direction);
  }
}

function replyArrived(state: SagaState, reply: Reply, nowMillis: number): SagaState {
  if (state.phase === 'Ended') return state;
  const { call } = state;
  if (reply.direction !== call.direction || reply.step !== nameOfCall(state)) return state;
  switch (reply.outcome) {
    case 'Executed':
      return call.direction === 'execute' ? executed(state, reply, nowMillis) : state;
    case 'Rejected':
    case 'Fenced':
    case 'Mismatch':
      return call.direction === 'execute' ? refused(state, reply, nowMillis) : state;
    case 'Compensated':
    case 'NothingToUndo':
      return call.direction === 'compensate'
        ? undoBelow(settleStep(state, reply.outcome, nowMillis), call.stepIndex, nowMillis)
        : state;
    case 'Revoked':
      return call.direction === 'revoke'
        ? undoBelow(settleStep(state, reply.outcome, nowMillis), call.stepIndex, nowMillis)
        : state;
    case 'PivotPassed':
      return call.direction === 'revoke' ? pivotHadPassed(state, reply, nowMillis) : state;
    case 'Failed': {
      // A stale Failed says nothing about the attempt that is under way now.
      if (reply.commandId !== call.commandId || call.wait.kind !== 'reply') return state;
      const trouble = { reason: reply.reason || failureReasons.StepFailed, message: reply.message };
      return attemptFailed(state, trouble, nowMillis);
    }
    default:
      return unreachable(reply.outcome);
  }
}

function executed(state: OpenSaga, reply: Reply, nowMillis: number): SagaState {
  const { stepIndex } = state.call;
  const done = changeStep(state, stepIndex, (record) => ({
    state: 'Done',
    finishedAtMillis: record.state === 'Done' ? record.finishedAtMillis : nowMillis,
    reason: '',
    message: '',
  }));
  const next = {
    ...done,
    results: withResults(state, reply),
    pivotPassed: state.pivotPassed || stepIndex === state.plan.pivotIndex,
  };
  return forwardFrom(next, stepIndex + 1, nowMillis);
}

/** Bounded: with more, the API server would refuse the status, and nothing could be recorded any more. */
function withResults(state: OpenSaga, reply: Reply): OpenSaga['results'] {
  return Object.fromEntries(Object.entries({ ...state.results, ...reply.result }).slice(0, resultsMax));
}

/** A final no. Up to the pivot the saga turns round; after it there is only forward, so people must see it (StepStuck). */
function refused(state: OpenSaga, reply: Reply, nowMillis: number): SagaState {
  // The same no, heard twice: the pause that is under way stands.
  if (state.call.refused && state.call.wait.kind !== 'reply') return state;
  const trouble = { reason: refusalReason(reply), message: reply.message };
  const noted = changeStep(state, state.call.stepIndex, (record) => ({
    ...trouble,
    state: reply.outcome === 'Rejected' ? 'Rejected' : record.state,
  }));
  if (!isForwardOnly(state)) return abort(noted, trouble, nowMillis);
  const waiting = waitAgain(noted, trouble, nowMillis);
  return { ...waiting, call: { ...waiting.call, refused: true } };
}

function refusalReason(reply: Reply): string {
  if (reply.outcome === 'Fenced') return failureReasons.StepFenced;
  if (reply.outcome === 'Mismatch') return failureReasons.IdempotencyMismatch;
  return reply.reason || failureReasons.StepRejected;
}

/** A step that said no stays `Rejected` for the reader: that is the story of this saga. */
function settleStep(state: OpenSaga, now: StepState, nowMillis: number): OpenSaga {
  return changeStep(state, state.call.stepIndex, (record) => ({
    state: record.state === 'Rejected' ? record.state : now,
    finishedAtMillis: record.state === now ? record.finishedAtMillis : nowMillis,
  }));
}

/** The abort came too late: the pivot's row says executed, and that decides (law 2). */
function pivotHadPassed(state: OpenSaga, reply: Reply, nowMillis: number): SagaState {
  const { pivotIndex } = state.plan;
  const steps = state.steps.map((record, index) =>
    index > pivotIndex
      ? record
      : {
          ...record,
          state: 'Done' as const,
          finishedAtMillis: record.finishedAtMillis ?? nowMillis,
          reason: '',
          message: '',
        },
  );
  const results = withResults(state, reply);
  const next = { ...state, steps, results, failure: null, pivotPassed: true };
  return forwardFrom(next, pivotIndex + 1, nowMillis);
}

function timePassed(state: SagaState, nowMillis: number): SagaState {
  if (state.phase === 'Ended') return state;
  const { call } = state;
  if (call.wait.kind === 'ready' || nowMillis < call.wait.untilMillis) return state;
  if (call.wait.kind === 'backoff') return { ...state, call: { ...call, wait: { kind: 'ready' } } };
  const { timeoutSeconds } = stepAt(state.plan, call.stepIndex);
  const message = `no answer within ${timeoutSeconds} s, attempt ${call.attempt}`;
  return attemptFailed(state, { reason: failureReasons.StepTimedOut, message }, nowMillis);
}

/** Trouble or silence. An EXECUTE up to the pivot has a budget; everything else never gives up. */
function attemptFailed(state: OpenSaga, trouble: Trouble, nowMillis: number): SagaState {
  const { call } = state;
  const { retry } = stepAt(state.plan, call.stepIndex);
  const noted = changeStep(state, call.stepIndex, () => trouble);
  const mayGiveUp = call.direction === 'execute' && !isForwardOnly(state);
  return mayGiveUp && call.attempt >= retry.maxAttempts
    ? abort(noted, trouble, nowMillis)
    : waitAgain(noted, trouble, nowMillis);
}

/** A lost attempt is not the step's fault, so it does not count against its budget. */
function askAgain(state: SagaState): SagaState {
  if (state.phase === 'Ended' || state.call.wait.kind !== 'reply') return state;
  return { ...state, call: { ...state.call, attempt: state.call.attempt - 1, wait: { kind: 'ready' } } };
}
