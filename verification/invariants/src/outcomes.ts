import { contentsOf, lookAtContents } from './effect-content.ts';
import { effectOf, stands } from './effects.ts';
import type { Facts, SagaVersion } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { isAbandoned, pivotOf, viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I9: Completed = every step is in the books and none was taken back; Compensated = the pivot and what follows never happened, and every step
 * before it left nothing; Abandoned = one of the two, but for what was given up by name. Since an outcome is said last, this holds from the
 * moment it is written: where all is in one order, the history of fence rows is judged at that moment; the books are judged now. And whatever an
 * ended saga did, it did with the pieces, the amount and the currency of its spec.
 */
export function checkOutcomes(facts: Facts): Finding {
  const judge = new Judge('I9');
  const contents = contentsOf(facts);
  for (const saga of viewOf(facts).sagas) {
    if (saga.fact.forced) continue;
    if (saga.outcome) {
      lookAtBooks(facts, saga, judge);
      lookAtContents(facts, saga, contents, judge);
    } else if (saga.fact.gone) lookAtUnstarted(facts, saga, judge);
    const ended = saga.fact.versions.find(({ status }) => status.outcome !== undefined);
    if (ended && facts.fenceChanges && facts.oneOrder) lookAtMoment(saga, ended, judge);
  }
  return judge.finding;
}

/** Which way it went is said by the pivot's own books; the outcome is what is judged. */
function wentForward(facts: Facts, saga: SagaView): boolean {
  if (saga.outcome !== 'Abandoned') return saga.outcome === 'Completed';
  const pivot = pivotOf(saga);
  return pivot !== undefined && (effectOf(facts, saga, pivot)?.executed ?? 0) > 0;
}

function lookAtBooks(facts: Facts, saga: SagaView, judge: Judge): void {
  const pivot = pivotOf(saga);
  const abortGivenUp = pivot !== undefined && isAbandoned(saga, pivot.name, 'revoke');
  const forward = wentForward(facts, saga) && !abortGivenUp;
  for (const [index, step] of saga.plan.entries()) {
    const effect = effectOf(facts, saga, step);
    if (!effect || isAbandoned(saga, step.name, forward ? 'execute' : 'compensate')) continue;
    if (abortGivenUp && index >= saga.pivotIndex) continue;
    const told = `the books say done ${effect.executed}, undone ${effect.undone} times`;
    if (forward) {
      judge.look(
        effect.executed > 0 && effect.undone === 0,
        () => `${saga.label} is ${saga.outcome}, but of ${step.name} ${told}`,
      );
    } else {
      const isRight = index < saga.pivotIndex ? !stands(effect) : effect.executed === 0;
      judge.look(isRight, () => `${saga.label} is ${saga.outcome}, but of ${step.name} ${told}`);
    }
  }
}

/** Gone without an outcome: it can only have been deleted before anything was sent. */
function lookAtUnstarted(facts: Facts, saga: SagaView, judge: Judge): void {
  for (const step of saga.plan) {
    const effect = effectOf(facts, saga, step);
    if (!effect) continue;
    judge.look(
      !stands(effect),
      () => `${saga.label} is gone without an outcome, but ${step.name} has its effect`,
    );
  }
}

function lookAtMoment(saga: SagaView, ended: SagaVersion, judge: Judge): void {
  const { outcome } = ended.status;
  if (outcome === 'Abandoned') return;
  const states = new Map<string, string>();
  for (const { step, state, position } of saga.fenceChanges)
    if (position <= ended.position) states.set(step, state);
  const sent = new Set(
    saga.commands
      .filter(({ position, command }) => command.direction === 'execute' && position < ended.position)
      .map(({ command }) => command.step),
  );
  for (const [index, { name }] of saga.plan.entries()) {
    const state = states.get(name);
    const isRight =
      outcome === 'Completed'
        ? state === 'executed'
        : state !== 'executed' &&
          state !== 'pending' &&
          (state !== undefined || index > saga.pivotIndex || !sent.has(name));
    judge.look(
      isRight,
      () => `${saga.label} was called ${outcome} while ${name} was ${state ?? 'sent and not answered'}`,
    );
  }
}
