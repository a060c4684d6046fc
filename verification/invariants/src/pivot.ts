import { effectOf } from './effects.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { mayBeAbandoned, pivotOf, viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I8, at every moment: a saga whose pivot has taken effect only goes forward. No COMPENSATE of it is ever sent, before or after, by anybody (each
 * needs a Revoked first, which such a pivot never says), and none of its steps is taken back. REVOKE may be sent: PivotPassed is its answer.
 * Loosened only where the abort itself was given up by hand.
 */
export function checkPivot(facts: Facts): Finding {
  const judge = new Judge('I8');
  for (const saga of viewOf(facts).sagas) {
    const pivot = pivotOf(saga);
    if (!pivot || saga.fact.forced || mayBeAbandoned(saga, pivot.name, 'revoke')) continue;
    const isTaken =
      (effectOf(facts, saga, pivot)?.executed ?? 0) > 0 ||
      saga.fenceRows.some(({ step, state }) => step === pivot.name && state === 'executed') ||
      saga.replies.some(({ reply }) => reply.step === pivot.name && saysTaken(reply.outcome));
    if (isTaken) lookAt(facts, saga, judge);
  }
  return judge.finding;
}

function saysTaken(outcome: string): boolean {
  return outcome === 'Executed' || outcome === 'PivotPassed';
}

function lookAt(facts: Facts, saga: SagaView, judge: Judge): void {
  const sent = saga.commands.find(({ command }) => command.direction === 'compensate');
  judge.look(
    sent === undefined,
    () => `${saga.label} has passed its pivot, but ${sent?.command.commandId} was sent to undo a step`,
  );
  for (const step of saga.plan) {
    const effect = effectOf(facts, saga, step);
    if (!effect) continue;
    judge.look(
      effect.undone === 0,
      () => `${saga.label} has passed its pivot, but ${step.name} was taken back`,
    );
  }
}
