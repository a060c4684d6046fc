import { effectOf, stands } from './effects.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { isAbandoned, pivotOf, viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I7: once a saga's abort was acknowledged (its pivot was told Revoked, or a COMPENSATE was sent), no effect of it survives: once it has ended every step
 * before the pivot is without effect or taken back, and at every moment no step after the pivot has one. An EXECUTE that a leader sends who does
 * not know yet is no violation (the fence or the next COMPENSATE takes care of it); its effect would be.
 */
export function checkSurvivingEffects(facts: Facts): Finding {
  const judge = new Judge('I7');
  for (const saga of viewOf(facts).sagas) {
    if (saga.fact.forced || !isAborted(saga)) continue;
    const pivot = pivotOf(saga);
    const isDecided = pivot !== undefined && !isAbandoned(saga, pivot.name, 'revoke');
    for (const [index, step] of saga.plan.entries()) {
      const effect = effectOf(facts, saga, step);
      if (!effect) continue;
      if (index < saga.pivotIndex) {
        if (saga.isOpen || isAbandoned(saga, step.name, 'compensate')) continue;
        judge.look(!stands(effect), () => `${saga.label} was aborted, but ${step.name} still has its effect`);
      } else if (isDecided) {
        judge.look(
          effect.executed === 0,
          () => `${saga.label} was aborted, but ${step.name} has taken effect`,
        );
      }
    }
  }
  return judge.finding;
}

function isAborted(saga: SagaView): boolean {
  return (
    saga.replies.some(({ reply }) => reply.outcome === 'Revoked') ||
    saga.commands.some(({ command }) => command.direction === 'compensate')
  );
}
