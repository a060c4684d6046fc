import { orderSagaFinalizer } from '@sagamesh/contracts/order-saga';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';

/**
 * I22, at quiesce: nothing is left behind and nothing of the basis is missing: of each kind of object as much is there as before the run, and no
 * saga that has ended holds our finalizer. Fence rows stay for ever by design.
 */
export function checkLeftovers(facts: Facts): Finding {
  const judge = new Judge('I22');
  if (!facts.atQuiesce) return judge.finding;
  for (const { kind, compare, baseline, now } of facts.leftovers ?? []) {
    if (compare === 'count') {
      judge.look(
        now.length <= baseline.length,
        () => `${kind}: ${now.length} there, ${baseline.length} before: ${now.slice(0, 5).join(', ')}`,
      );
      continue;
    }
    const before = new Set(baseline);
    const after = new Set(now);
    const more = now.filter((name) => !before.has(name));
    const fewer = baseline.filter((name) => !after.has(name));
    judge.look(more.length === 0, () => `${kind}: left behind: ${more.join(', ')}`);
    judge.also(fewer.length === 0, () => `${kind}: missing: ${fewer.join(', ')}`);
  }
  for (const saga of viewOf(facts).sagas) {
    if (saga.fact.gone || !saga.outcome) continue;
    judge.look(
      !saga.last.finalizers.includes(orderSagaFinalizer),
      () => `${saga.label} has ended as ${saga.outcome} and still holds the finalizer`,
    );
  }
  return judge.finding;
}
