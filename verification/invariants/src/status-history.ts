import type { StepState } from '@sagamesh/contracts/order-saga';
import type { Facts, SagaVersion } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I11, over each pair of stored versions of a saga: the status goes along the graph and never back. `generation` and `observedGeneration` never
 * shrink, and nobody has observed a generation that is not there yet; an outcome, once said, is neither changed nor taken back, and no step moves
 * after it; what was said of the steps does not vanish; a cause of failure vanishes only when the pivot turns out to be passed; deleting is for
 * ever; a step is called given up only after a person named it. Attempts, times and messages may differ from operator to operator. A person's
 * edit of the status starts a new history.
 */
export function checkStatusHistory(facts: Facts): Finding {
  const judge = new Judge('I11');
  for (const saga of viewOf(facts).sagas) {
    let before: SagaVersion | undefined;
    for (const after of saga.fact.versions) {
      const { generation } = after;
      const observed = after.status.observedGeneration ?? 0;
      judge.look(
        observed <= generation,
        () => `${saga.label} observed generation ${observed} of ${generation}`,
      );
      if (before) lookAtPair(saga, before, after, judge);
      before = after;
    }
    lookAtAbandoned(saga, judge);
  }
  return judge.finding;
}

/** Other checkers excuse what was given up, so nobody may give it up but a person. */
function lookAtAbandoned(saga: SagaView, judge: Judge): void {
  if (saga.abandoned.size === 0) return;
  const named = new Set<string>();
  const told = new Set<string>();
  for (const { abandonStep, status, statusEditedByUser, position } of saga.fact.versions) {
    if (abandonStep !== undefined) named.add(abandonStep);
    for (const { step } of status.abandoned ?? []) {
      if (told.has(step)) continue;
      told.add(step);
      judge.also(
        named.has(step) || statusEditedByUser === true,
        () => `${saga.label}: ${step} was called given up before a person named it (version at ${position})`,
      );
    }
  }
}

function lookAtPair(saga: SagaView, before: SagaVersion, after: SagaVersion, judge: Judge): void {
  const at = `(version at ${after.position})`;
  const say = (sentence: string) => () => `${saga.label}: ${sentence} ${at}`;
  judge.also(
    after.generation >= before.generation,
    say(`generation ${before.generation} became ${after.generation}`),
  );
  judge.also(after.deleting || !before.deleting, say('was being deleted, and is not any more'));
  const { status: was } = before;
  const { status: is } = after;
  judge.also(
    was.outcome === undefined || is.outcome === was.outcome,
    say(`outcome ${was.outcome} became ${is.outcome ?? 'none'}`),
  );
  if (after.statusEditedByUser) return;
  judge.also(
    (is.observedGeneration ?? 0) >= (was.observedGeneration ?? 0),
    say(`observedGeneration ${was.observedGeneration} became ${is.observedGeneration ?? 'none'}`),
  );
  judge.also(
    was.failure === undefined || is.failure !== undefined || pivotState(saga, after) === 'Done',
    say(`failure ${was.failure?.reason} vanished, and the pivot is not done`),
  );
  lookAtSteps(saga, before, after, judge, say);
}

function pivotState(saga: SagaView, version: SagaVersion): StepState | undefined {
  return version.status.steps?.[saga.pivotIndex]?.state;
}

function lookAtSteps(
  saga: SagaView,
  before: SagaVersion,
  after: SagaVersion,
  judge: Judge,
  say: (sentence: string) => () => string,
): void {
  const was = before.status.steps;
  const is = after.status.steps;
  if (!was || was === is) return;
  for (const [index, { name, state }] of was.entries()) {
    const now = is?.[index];
    if (now?.name !== name) {
      judge.also(false, say(`what was said of ${name} (${state}) vanished`));
      continue;
    }
    if (now.state === state) continue;
    const hasEnded = before.status.outcome !== undefined;
    judge.also(
      !hasEnded && mayBecome(saga, index, state).includes(now.state),
      say(`${name} was ${state} and became ${now.state}${hasEnded ? ' after the outcome' : ''}`),
    );
  }
}

const afterRunning: readonly StepState[] = [
  'Done',
  'Rejected',
  'Compensating',
  'Compensated',
  'NothingToUndo',
  'Revoking',
  'Revoked',
  'Abandoned',
];

const next: Readonly<Record<StepState, readonly StepState[]>> = {
  Pending: ['Running', ...afterRunning, 'Skipped'],
  Running: afterRunning,
  Done: ['Compensating', 'Compensated', 'Abandoned'],
  Rejected: ['Abandoned'],
  Compensating: ['Compensated', 'NothingToUndo', 'Abandoned'],
  Compensated: [],
  NothingToUndo: [],
  Revoking: ['Revoked', 'Done', 'Abandoned'],
  Revoked: [],
  Abandoned: [],
  Skipped: [],
};

/** A new leader asks from the start, so it may want to revoke a pivot that is Done: PivotPassed brings that back. */
const nextOfPivot: Partial<Record<StepState, readonly StepState[]>> = { Done: ['Revoking', 'Abandoned'] };
/** After the pivot a no is asked again and again. */
const nextAfterPivot: Partial<Record<StepState, readonly StepState[]>> = {
  Done: [],
  Rejected: ['Running', 'Done', 'Abandoned'],
};

function mayBecome(saga: SagaView, index: number, state: StepState): readonly StepState[] {
  if (index === saga.pivotIndex) return nextOfPivot[state] ?? next[state];
  if (index > saga.pivotIndex) return nextAfterPivot[state] ?? next[state];
  return next[state];
}
