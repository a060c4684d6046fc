import type { OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import { conditionReasons } from '@sagamesh/contracts/reasons';
import { isHeldBack, isStuck, nothingWasSent } from '../saga/decide.ts';
import type { SagaState } from '../saga/state.ts';
import { stepAt } from '../saga/plan.ts';
import { nameOfCall } from '../saga/transitions.ts';
import { verdictOf } from './conditions.ts';
import type { Verdict } from './conditions.ts';

/** What `kubectl describe` tells: the Events that lie between two states of one saga. Pure. A happy saga has two of them. */
export interface StoryLine {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

export function storyBetween(before: SagaState, after: SagaState): StoryLine[] {
  if (before === after) return [];
  return [
    ...startLine(before, after),
    ...turnLine(before, after),
    ...undoneLines(before, after),
    ...stuckLine(before, after),
    ...tooLateLine(before, after),
    ...abandonedLines(before, after),
    ...waitingLine(before, after),
  ];
}

/** What a process that meets a saga for the first time must tell: a turn or a wait that the stored status does not show yet. */
export function storyAtFirstLook(stored: OrderSagaStatus, state: SagaState): StoryLine[] {
  return [
    ...turnLine({ failure: stored.failure ?? null }, state),
    ...waitingSince(stored.conditions?.[0]?.reason, state),
  ];
}

/** Told once the outcome is recorded, not before (docs/architecture.md, law 5). */
export function endLine(state: SagaState): StoryLine {
  const { reason, message } = verdictOf(state);
  const type = reason === conditionReasons.Completed ? 'Normal' : 'Warning';
  return line(type, `Saga${reason}`, 'End', message);
}

function startLine(before: SagaState, after: SagaState): StoryLine[] {
  if (!nothingWasSent(before) || nothingWasSent(after)) return [];
  const names = after.plan.steps.map((step) => step.name).join(', ');
  return [line('Normal', 'SagaStarted', 'Start', `steps: ${names}`)];
}

function turnLine(before: Pick<SagaState, 'failure'>, after: SagaState): StoryLine[] {
  if (before.failure || !after.failure) return [];
  const { step, reason, message } = after.failure;
  return [line('Warning', 'SagaTurnedRound', 'Compensate', `${step}: ${reason}: ${message}`)];
}

function undoneLines(before: SagaState, after: SagaState): StoryLine[] {
  return after.steps.flatMap((record, index) => {
    if (record.state !== 'Compensated' || before.steps[index]?.state === 'Compensated') return [];
    const { name } = stepAt(after.plan, index);
    // The step is part of the action: Events that agree in everything but the note are counted as one series.
    return [line('Normal', 'StepCompensated', `Compensate/${name}`, `${name} was undone`)];
  });
}

function stuckLine(before: SagaState, after: SagaState): StoryLine[] {
  if (after.phase === 'Ended' || !isStuck(after)) return [];
  if (before.phase !== 'Ended' && isStuck(before) && nameOfCall(before) === nameOfCall(after)) return [];
  const { reason, message } = verdictOf(after);
  return [line('Warning', reason, 'Retry', message)];
}

function tooLateLine(before: SagaState, after: SagaState): StoryLine[] {
  return isTooLateToCancel(after) && !isTooLateToCancel(before) ? [tooLateToCancel] : [];
}

function isTooLateToCancel(state: SagaState): boolean {
  return state.wishes.cancel && state.pivotPassed;
}

export const tooLateToCancel: StoryLine = {
  type: 'Warning',
  reason: 'CancelTooLate',
  action: 'Cancel',
  note: 'the pivot was taken before the cancel: the saga goes forward to its end',
};

function abandonedLines(before: SagaState, after: SagaState): StoryLine[] {
  return after.abandoned
    .slice(before.abandoned.length)
    .map(({ step, direction, by }) =>
      line('Warning', 'StepAbandoned', 'Abandon', `${direction} of ${step} was given up by: ${by}`),
    );
}

/** Asked for every fact: the sentences of a verdict are made only where there can be something to wait for. */
function waitingLine(before: SagaState, after: SagaState): StoryLine[] {
  if (after.phase !== 'Forward') return [];
  const mayWait = isHeldBack(after) || (after.lookUp !== null && after.lookUp.missing.length > 0);
  return mayWait ? waitingSince(verdictOf(before).reason, after) : [];
}

function waitingSince(reasonBefore: string | undefined, after: SagaState): StoryLine[] {
  const now = verdictOf(after);
  const { Suspended, ServiceUnknown } = conditionReasons;
  if (now.reason === reasonBefore) return [];
  if (now.reason === Suspended) return [line('Normal', Suspended, 'Suspend', now.message)];
  if (now.reason === ServiceUnknown) return [line('Warning', ServiceUnknown, 'LookUp', now.message)];
  return [];
}

/** An object that cannot be driven. */
export function waitLine({ reason, message }: Verdict): StoryLine {
  return line('Warning', reason, 'Read', message);
}

function line(type: StoryLine['type'], reason: string, action: string, note: string): StoryLine {
  return { type, reason, action, note };
}
