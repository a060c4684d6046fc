import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I10: every saga has ended (an outcome, or gone without one because it never began) by
 *
 *   max(last fault healed, saga created) + the saga's own deadline + bound
 *
 * The deadline is in it because a saga may use it up (suspended, a service away) before it turns round. A saga that is open and still has time
 * is not counted. Times are true times, not those of a skewed process.
 */
export function checkLiveness(facts: Facts): Finding {
  const judge = new Judge('I10');
  const { healing } = facts;
  if (!healing) return judge.finding;
  const { healedAtMillis, boundMillis, nowMillis } = healing;
  for (const saga of viewOf(facts).sagas) {
    const { createdAtMillis, mayStayOpen, forced } = saga.fact;
    if (forced || (saga.isOpen && mayStayOpen !== undefined)) continue;
    const dueMillis =
      Math.max(healedAtMillis, createdAtMillis) + saga.last.spec.deadlineSeconds * 1_000 + boundMillis;
    if (saga.isOpen && nowMillis < dueMillis) continue;
    const endMillis = endOf(saga);
    judge.look(
      endMillis !== undefined && endMillis <= dueMillis,
      () =>
        `${saga.label} had to end by ${dueMillis} and ${
          endMillis === undefined
            ? `is still open at ${nowMillis}, at ${saga.last.status.currentStep ?? 'its start'}`
            : `ended at ${endMillis}`
        }`,
    );
  }
  return judge.finding;
}

function endOf(saga: SagaView): number | undefined {
  const ended = saga.fact.versions.find(({ status }) => status.outcome !== undefined);
  if (ended) return ended.atMillis;
  return saga.fact.gone ? saga.last.atMillis : undefined;
}
