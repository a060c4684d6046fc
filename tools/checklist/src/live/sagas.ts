import { readMoney, readStock } from '@sagamesh/demo/ledgers';
import { sagaNamespace, mustRun } from '@sagamesh/sandbox/system/manifests';
import type { SagaFact } from '../facts.ts';
import type { Lab } from './lab.ts';
import { samplesFolder } from './lab.ts';

/** The samples that people get, applied as people do: orders that go well, that are declined, and whose provider falls silent. */

export async function applySamples(lab: Lab): Promise<void> {
  await mustRun(lab.system.kubectl, ['--namespace', sagaNamespace, 'apply', '-f', samplesFolder]);
}

/** What became of every saga so far, from its status and from the books of the others. */
export async function sagaFacts(lab: Lab): Promise<readonly SagaFact[]> {
  const [sagas, money, stock] = [await lab.sagas(), await readMoney(lab.system), await readStock(lab.system)];
  const centsOf = (
    moves: readonly { readonly orderId: string | null; readonly amountCents: number }[],
    id: string,
  ) => moves.filter(({ orderId }) => orderId === id).reduce((sum, { amountCents }) => sum + amountCents, 0);
  return sagas.map(({ metadata, spec, status }) => {
    const { id, items } = spec.order;
    const skus = items.map(({ sku }) => sku);
    return {
      name: metadata.name,
      outcome: status.outcome ?? 'open',
      reason: status.failure?.reason ?? null,
      stepStates: (status.steps ?? []).map(({ state }) => state),
      capturedCents: centsOf(money.captures, id),
      refundedCents: centsOf(money.refunds, id),
      orderState: money.orders.find((order) => order.id === id)?.state ?? 'missing',
      reservedPieces: stock
        .filter(({ sku }) => skus.includes(sku))
        .reduce((sum, { reserved }) => sum + reserved, 0),
    };
  });
}
