import type { OrderSaga, Outcome } from '@sagamesh/contracts/order-saga';
import { readLedger } from '@sagamesh/payment-provider/ledger-read-out';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { expect } from 'vitest';
import { expectBalanced } from './balance.ts';
import { openFenceProbe } from './fence-probe.ts';
import type { FenceProbe } from './fence-probe.ts';
import { patient } from './patient-saga.ts';
import type { SagaChange } from './saga-manifest.ts';
import { storedTraffic } from './stored-traffic.ts';
import type { StoredTraffic } from './stored-traffic.ts';
import { startTestSystem } from './test-system.ts';
import type { TestSystem } from './test-system.ts';

/** A system on PostgreSQL whose every boundary can be seen from outside: the streams, the fences, the provider's ledger. */
export interface CrashBench {
  readonly system: TestSystem;
  readonly traffic: StoredTraffic;
  readonly fences: Readonly<Record<FencedService, FenceProbe>>;
  /** Applies a saga that waits for nothing but answers (see patient-saga.ts). */
  begin(
    change: SagaChange & { readonly id: string },
  ): Promise<{ readonly name: string; readonly uid: string }>;
  /** Resolves once the provider has taken money for the order. */
  untilCaptured(orderId: string): Promise<void>;
  /** The saga ends so, the books are balanced, and the provider moved money for this order this often. */
  expectEnd(name: string, end: ExpectedEnd): Promise<OrderSaga>;
  stop(): Promise<void>;
}

export interface ExpectedEnd {
  readonly outcome: Outcome;
  readonly captures: number;
  readonly refunds: number;
}

export type FencedService = 'order' | 'inventory' | 'payment';

export const paidOnce: ExpectedEnd = { outcome: 'Completed', captures: 1, refunds: 0 };

/** From "everything runs again" to the end. Far below the sagas' step timeouts of an hour, far above what slow machines need. */
const endMillis = 100_000;

export async function startCrashBench(): Promise<CrashBench> {
  const system = await startTestSystem({ databases: 'postgres' });
  try {
    const traffic = storedTraffic(system.nats.admin);
    const fences = {
      order: await openFenceProbe(system.databaseUrl('order')),
      inventory: await openFenceProbe(system.databaseUrl('inventory')),
      payment: await openFenceProbe(system.databaseUrl('payment')),
    };
    const moneyOf = async (orderId: string) => {
      const { captures, refunds } = await readLedger(system.url('payment-provider'));
      const count = (moves: typeof captures) => moves.filter((move) => move.orderId === orderId).length;
      return { captures: count(captures), refunds: count(refunds) };
    };
    return {
      system,
      traffic,
      fences,
      async begin({ id, ...change }) {
        const name = await system.applySaga({ ...patient, ...change, order: { ...change.order, id } });
        return { name, uid: (await system.getSaga(name)).metadata.uid };
      },
      untilCaptured: (orderId) =>
        waitUntil(async () => (await moneyOf(orderId)).captures === 1, {
          timeoutMillis: 60_000,
          what: `the provider to take the money for ${orderId}`,
        }),
      async expectEnd(name, { outcome, captures, refunds }) {
        const saga = await system.waitForOutcome(name, outcome, endMillis);
        expect(await moneyOf(saga.spec.order.id)).toEqual({ captures, refunds });
        await expectBalanced(system);
        return saga;
      },
      async stop() {
        for (const fence of Object.values(fences)) await fence.stop();
        await system.stop();
      },
    };
  } catch (error) {
    await system.stop();
    throw error;
  }
}
