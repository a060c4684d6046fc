import type { OrderSagaStatus, StepState, StepStatus } from '@sagamesh/contracts/order-saga';
import { stepAt } from '../saga/plan.ts';
import type { OpenSaga, SagaState, StepRecord } from '../saga/state.ts';
import { nameOfCall } from '../saga/transitions.ts';
import { cutText } from './cut-text.ts';
import { conditionsFrom, verdictOf } from './conditions.ts';

/** The status that people see: a projection of the state, built whole every time. Pure. */
export function projectStatus(
  state: SagaState,
  generation: number,
  stored: OrderSagaStatus,
  nowMillis: number,
): OrderSagaStatus {
  const steps = stepsToShow(state, stored);
  const done = steps.filter(({ state: step }) => step === 'Done').length;
  const isOpen = state.phase !== 'Ended';
  const results = isOpen ? { ...stored.results, ...state.results } : state.results;
  return {
    observedGeneration: generation,
    conditions: conditionsFrom(verdictOf(state), stored.conditions, generation, nowMillis),
    ...(state.phase === 'Ended' ? { outcome: state.outcome } : { currentStep: currentStep(state, steps) }),
    ...(state.failure ? { failure: state.failure } : {}),
    progress: `${done}/${state.plan.steps.length}`,
    steps,
    ...(Object.keys(results).length > 0 ? { results } : {}),
    ...(state.abandoned.length > 0
      ? {
          abandoned: state.abandoned.map(({ step, direction, by, atMillis }) => ({
            step,
            direction,
            by,
            at: isoTime(atMillis),
          })),
        }
      : {}),
    startedAt: (isOpen ? stored.startedAt : undefined) ?? isoTime(state.startedAtMillis),
    ...(state.phase === 'Ended' ? { finishedAt: isoTime(state.finishedAtMillis) } : {}),
  };
}

/**
 * Another operator that believes it leads may know more than we do: as long as the saga is open, what it has written of a step stands until we
 * have come as far. Else two of them would overwrite each other's news for as long as both go on. At the end we say what we know, but a step
 * that said no stays `Rejected` for the reader: that is the story of this saga.
 */
function stepsToShow(state: SagaState, stored: OrderSagaStatus): StepStatus[] {
  return state.steps.map((record, index) => {
    const own = projectStep(stepAt(state.plan, index).name, record);
    const known = stored.steps?.[index];
    if (known?.name !== own.name) return own;
    const isAfterPivot = index > state.plan.pivotIndex;
    if (known.state === 'Rejected' && !isAfterPivot) return own.state === 'Rejected' ? own : known;
    if (state.phase === 'Ended') return isFinal(known.state) && isFinal(own.state) ? known : own;
    return isAhead(known.state, own.state) ? known : own;
  });
}

const farness: Readonly<Record<StepState, number>> = {
  Pending: 0,
  Running: 1,
  Done: 2,
  Rejected: 2,
  Compensating: 3,
  Revoking: 3,
  Compensated: 4,
  NothingToUndo: 4,
  Revoked: 4,
  Abandoned: 4,
  Skipped: 4,
};

/** Nothing comes after it. */
function isFinal(step: StepState): boolean {
  return farness[step] === 4;
}

function isAhead(stored: StepState, own: StepState): boolean {
  // The two ways back: the abort came too late (PivotPassed), and a no behind the pivot is asked again.
  if (stored === 'Revoking' && own === 'Done') return false;
  if (stored === 'Rejected' && own === 'Running') return false;
  // Of two ends of one step (given up by a person, acknowledged after all) the one that was written down stands.
  return farness[stored] > farness[own] || (isFinal(stored) && stored !== own);
}

/** After a restart the first steps are asked again; what the reader saw done stays done, so the first open one is named. */
function currentStep(state: OpenSaga, steps: readonly StepStatus[]): string {
  if (state.phase !== 'Forward') return nameOfCall(state);
  return steps.find((step) => step.state !== 'Done' && step.state !== 'Abandoned')?.name ?? nameOfCall(state);
}

function projectStep(name: string, record: StepRecord): StepStatus {
  return {
    name,
    state: record.state,
    attempts: record.attempts,
    ...(record.startedAtMillis === null ? {} : { startedAt: isoTime(record.startedAtMillis) }),
    ...(record.finishedAtMillis === null ? {} : { finishedAt: isoTime(record.finishedAtMillis) }),
    ...(record.reason ? { reason: record.reason } : {}),
    ...(record.message ? { message: cutText(record.message, 256) } : {}),
  };
}

function isoTime(millis: number): string {
  return new Date(millis).toISOString();
}

const statusKeys = [
  'observedGeneration',
  'conditions',
  'outcome',
  'failure',
  'currentStep',
  'progress',
  'steps',
  'results',
  'abandoned',
  'startedAt',
  'finishedAt',
] as const satisfies readonly (keyof OrderSagaStatus)[];

/** As a merge patch: what the stored status has and the projected one has not is removed by name. Lists are replaced whole. */
export function statusPatch(projected: OrderSagaStatus, stored: OrderSagaStatus): Record<string, unknown> {
  const patch: Record<string, unknown> = { ...projected };
  for (const key of statusKeys) {
    if (stored[key] !== undefined && projected[key] === undefined) patch[key] = null;
  }
  const results = projected.results;
  if (results && stored.results) {
    const removed = Object.keys(stored.results).filter((name) => !Object.hasOwn(results, name));
    patch['results'] = { ...results, ...Object.fromEntries(removed.map((name) => [name, null])) };
  }
  return patch;
}
