/** Many sagas at once, and what is left of them in the operator's memory when they have ended. */
import type { OrderSaga, Outcome } from '@sagamesh/contracts/order-saga';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imbalances } from './support/balance.ts';
import { heapBytesAfterCollection, inspected } from './support/heap-probe.ts';
import { readMetric } from './support/metric-reader.ts';
import { sagaManifest } from './support/saga-manifest.ts';
import type { SagaChange } from './support/saga-manifest.ts';
import { startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startTestSystem({ nodeArgs: { operator: inspected } });
});

afterAll(async () => {
  await system?.stop();
});

/** Patience, not an expectation: others may be using this machine. */
const timeoutMillis = 600_000;

interface Kind {
  readonly change: SagaChange;
  readonly outcome: Outcome;
  readonly reason?: string;
}

const good: Kind = { change: { story: 'good' }, outcome: 'Completed' };
const outOfStock: Kind = {
  change: {
    story: 'none-left',
    order: { items: [{ sku: 'WEBCAM', quantity: 1, unitPriceCents: 5_999 }] },
  },
  outcome: 'Compensated',
  reason: 'OutOfStock',
};
const declined: Kind = {
  change: { story: 'declined', order: { paymentMethod: 'pm_card_chargeDeclined' } },
  outcome: 'Compensated',
  reason: 'CardDeclined',
};

/** Of ten sagas, eight go well. */
const mixture: readonly Kind[] = [good, good, outOfStock, good, good, good, declined, good, good, good];

interface Applied {
  readonly name: string;
  readonly kind: Kind;
}

/** One List, one kubectl. Answers what was applied, in order. */
async function applyAtOnce(count: number, verb: 'apply' | 'create'): Promise<readonly Applied[]> {
  const kinds = Array.from({ length: count }, (_, index) => mixture[index % mixture.length] ?? good);
  const items = kinds.map(({ change }) => sagaManifest(change));
  await system.shop([verb, '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return items.map(({ metadata }, index) => ({ name: metadata.name, kind: kinds[index] ?? good }));
}

const hasEnded = (saga: OrderSaga | undefined) =>
  saga?.status.outcome !== undefined && saga.metadata.finalizers.length === 0;

async function untilAllEnded(applied: readonly Applied[]): Promise<void> {
  const open = new Set(applied.map(({ name }) => name));
  const allEnded = () => {
    for (const name of open) if (hasEnded(system.watch.current(name))) open.delete(name);
    return open.size === 0;
  };
  await waitUntil(allEnded, {
    timeoutMillis,
    intervalMillis: 200,
    what: `the end of ${applied.length} sagas`,
  });
}

const endOf = (saga: OrderSaga | undefined) =>
  `${saga?.status.outcome ?? 'open'}/${saga?.status.failure?.reason ?? 'no failure'}`;

function expectRightEnds(applied: readonly Applied[]): void {
  const wrong = applied
    .map(({ name, kind }) => ({
      name,
      is: endOf(system.watch.current(name)),
      shouldBe: `${kind.outcome}/${kind.reason ?? 'no failure'}`,
    }))
    .filter(({ is, shouldBe }) => is !== shouldBe);
  expect(wrong).toEqual([]);
}

const openSagas = () => readMetric(system.url('operator'), 'ordersaga_open');
const heapBytes = () => heapBytesAfterCollection(system.process('operator'));

describe('200 sagas applied at once', () => {
  let heapWith200: number;

  it('all end as they should, with balanced books', { timeout: timeoutMillis }, async () => {
    const applied = await applyAtOnce(200, 'apply');
    await untilAllEnded(applied);
    expectRightEnds(applied);
    expect(await imbalances(system)).toEqual([]);
    expect(await openSagas()).toBe(0);
    heapWith200 = await heapBytes();
  });

  it(
    'leave little behind: with 2,000 ended ones the heap is at most 1.2 times that with 200',
    { timeout: 2 * timeoutMillis },
    async () => {
      for (let batch = 1; batch <= 6; batch += 1) await untilAllEnded(await applyAtOnce(300, 'create'));
      expect(await openSagas()).toBe(0);
      const heapWith2000 = await heapBytes();
      const ratio = heapWith2000 / heapWith200;
      expect(ratio, `${heapWith200} bytes with 200 sagas, ${heapWith2000} with 2,000`).toBeLessThanOrEqual(
        1.2,
      );
      expect(
        ratio,
        'the operator caches what it watches, so nothing at all would be strange',
      ).toBeGreaterThan(0.5);
      expect(await imbalances(system)).toEqual([]);
    },
  );
});
