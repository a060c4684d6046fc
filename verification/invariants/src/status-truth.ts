import type { StepState } from '@sagamesh/contracts/order-saga';
import { unreachable } from '@sagamesh/contracts/unreachable';
import { effectOf, stands } from './effects.ts';
import type { StepEffect } from './effects.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I12, at quiesce, for each saga that has ended: what the status says is what the books say. Each step's state agrees with its ledger, outcome,
 * failure, progress and conditions agree with each other, the payment that is named is one of this saga, and the last spec was seen. What a person
 * edits after the end stays as he wrote it, and is not judged.
 */
export function checkStatusTruth(facts: Facts): Finding {
  const judge = new Judge('I12');
  if (!facts.atQuiesce) return judge.finding;
  const paymentOwners = new Map((facts.payments ?? []).map((row) => [row.paymentId, row.sagaUid]));
  for (const saga of viewOf(facts).sagas) {
    if (!saga.outcome || saga.fact.forced || wasEditedAfterEnd(saga)) continue;
    lookAtSteps(facts, saga, judge);
    lookAtSummary(saga, judge);
    const paymentId = saga.last.status.results?.['paymentId'];
    if (facts.payments && paymentId !== undefined && saga.outcome === 'Completed') {
      const owner = paymentOwners.get(paymentId);
      judge.look(
        owner === saga.uid,
        () => `${saga.label} names payment ${paymentId}, which is of ${owner ?? 'nobody'}`,
      );
    }
  }
  return judge.finding;
}

function wasEditedAfterEnd(saga: SagaView): boolean {
  return saga.fact.versions.some(
    ({ statusEditedByUser, status }) => statusEditedByUser === true && status.outcome !== undefined,
  );
}

function lookAtSteps(facts: Facts, saga: SagaView, judge: Judge): void {
  const states = saga.last.status.steps ?? [];
  for (const [index, step] of saga.plan.entries()) {
    const said = states[index];
    if (said?.name !== step.name) {
      judge.look(false, () => `${saga.label} ended as ${saga.outcome} and says nothing of ${step.name}`);
      continue;
    }
    const effect = effectOf(facts, saga, step) ?? null;
    judge.look(
      agrees(said.state, effect),
      () =>
        `${saga.label} ended and says ${step.name} is ${said.state}; the books say ` +
        (effect ? `done ${effect.executed}, undone ${effect.undone} times` : 'nothing that can be seen'),
    );
  }
}

/** Of steps whose books cannot be seen only this is judged: an ended saga has none under way. */
function agrees(state: StepState, effect: StepEffect | null): boolean {
  switch (state) {
    case 'Done':
      return effect === null || (effect.executed > 0 && effect.undone === 0);
    case 'Compensated':
      // An outside effect that was announced and settled before it happened is Compensated, too, and in no book.
      return effect === null || !stands(effect);
    case 'NothingToUndo':
    case 'Rejected':
    case 'Revoked':
    case 'Skipped':
      return effect === null || (effect.executed === 0 && effect.undone === 0);
    case 'Abandoned':
      return true;
    case 'Pending':
    case 'Running':
    case 'Compensating':
    case 'Revoking':
      return false;
    default:
      return unreachable(state);
  }
}

function lookAtSummary(saga: SagaView, judge: Judge): void {
  const { status, generation, deleting } = saga.last;
  const { outcome, failure, conditions, progress, steps = [], observedGeneration } = status;
  const say = (sentence: string) => () => `${saga.label} ended as ${outcome}, and ${sentence}`;
  judge.look(
    outcome === 'Abandoned' || (outcome === 'Compensated') === (failure !== undefined),
    say(failure ? `names the failure ${failure.reason}` : 'names no failure'),
  );
  judge.also(
    (outcome === 'Abandoned') === (status.abandoned ?? []).length > 0,
    say(`lists ${status.abandoned?.length ?? 0} abandoned steps`),
  );
  const succeeded = conditions?.find(({ type }) => type === 'Succeeded')?.status;
  judge.also(
    succeeded === (outcome === 'Completed' ? 'True' : 'False'),
    say(`its condition Succeeded is ${succeeded ?? 'missing'}`),
  );
  const done = steps.filter(({ state }) => state === 'Done').length;
  judge.also(progress === `${done}/${saga.plan.length}`, say(`says ${progress} with ${done} steps done`));
  // A delete counts as a change of the spec, and what is being deleted is no longer written to.
  judge.also(
    deleting || saga.fact.gone || observedGeneration === generation,
    say(`observed generation ${observedGeneration} of ${generation}`),
  );
}
