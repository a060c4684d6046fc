import type { OrderSagaStatus, StepStatus } from '@sagamesh/contracts/order-saga';
import { stepAt } from '../saga/plan.ts';
import type { SagaState, StepRecord } from '../saga/state.ts';
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
  const done = state.steps.filter((record) => record.state === 'Done').length;
  return {
    observedGeneration: generation,
    conditions: conditionsFrom(verdictOf(state), stored.conditions, generation, nowMillis),
    ...(state.phase === 'Ended' ? { outcome: state.outcome } : { currentStep: currentStep(state) }),
    ...(state.failure ? { failure: state.failure } : {}),
    progress: `${done}/${state.plan.steps.length}`,
    steps: state.steps.map((record, index) => projectStep(stepAt(state.plan, index).name, record)),
    ...(Object.keys(state.results).length > 0 ? { results: { ...state.results } } : {}),
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
    startedAt: isoTime(state.startedAtMillis),
    ...(state.phase === 'Ended' ? { finishedAt: isoTime(state.finishedAtMillis) } : {}),
  };
}

/** After a restart the first steps are asked again; what the reader saw done stays done, so the first open one is named. */
function currentStep(state: Exclude<SagaState, { phase: 'Ended' }>): string {
  if (state.phase !== 'Forward') return nameOfCall(state);
  const index = state.steps.findIndex((record) => record.state !== 'Done' && record.state !== 'Abandoned');
  return index < 0 ? nameOfCall(state) : stepAt(state.plan, index).name;
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
