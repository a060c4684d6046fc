import { orderSagaFinalizer } from '@sagamesh/contracts/order-saga';
import type { Facts, OrderRow } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { groupBy, isAbandonedAt, viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I17: nothing belongs to nobody. At every moment: whatever the books hold for a saga, that saga was once stored; our finalizer went, and the
 * object with it, only after an outcome. At quiesce: no PENDING order, no pending fence row and no payment in the provider's hands without a saga
 * that is open (or whose step there was given up). A payment that was only created takes no money and may be left.
 */
export function checkOrphans(facts: Facts): Finding {
  const judge = new Judge('I17');
  if (!facts.sagas) return judge.finding;
  const { sagas, sagaByUid } = viewOf(facts);
  for (const [uid, what] of belongings(facts)) {
    judge.look(sagaByUid.has(uid), () => `${what} belongs to saga ${uid}, which was never stored`);
  }
  for (const saga of sagas) lookAtFinalizer(saga, judge);
  if (facts.atQuiesce) lookAtRest(facts, judge);
  return judge.finding;
}

/** One example per saga uid. */
function belongings(facts: Facts): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { sagaUid, sku } of facts.stockMovements ?? [])
    if (sagaUid) found.set(sagaUid, `stock of ${sku}`);
  for (const { sagaUid, id } of facts.reservations ?? []) found.set(sagaUid, `reservation ${id}`);
  for (const { sagaUid, paymentId } of facts.payments ?? []) found.set(sagaUid, `payment ${paymentId}`);
  for (const { sagaUid, id } of facts.provider?.captures ?? [])
    if (sagaUid) found.set(sagaUid, `capture ${id}`);
  for (const { sagaUid, id } of facts.orders ?? []) if (sagaUid) found.set(sagaUid, `order ${id}`);
  for (const { sagaUid, step, service } of facts.fenceRows ?? []) {
    // The intake refuses an order under an id of its own: no saga could be made.
    if (step !== 'refuse') found.set(sagaUid, `the fence row of ${step} at ${service}`);
  }
  return found;
}

function lookAtFinalizer(saga: SagaView, judge: Judge): void {
  if (saga.fact.forced) return;
  let held = false;
  let released: number | undefined;
  for (const { finalizers, status, position } of saga.fact.versions) {
    const holds = finalizers.includes(orderSagaFinalizer);
    if (held && !holds && status.outcome === undefined) released ??= position;
    held ||= holds;
  }
  judge.look(
    released === undefined,
    () => `${saga.label}: the finalizer went (version at ${released}) before there was an outcome`,
  );
  judge.also(
    !saga.fact.gone || !held || saga.outcome !== undefined,
    () => `${saga.label} held the finalizer and is gone without an outcome`,
  );
}

function lookAtRest(facts: Facts, judge: Judge): void {
  const { sagas, sagaByUid } = viewOf(facts);
  const byOrder = groupBy(sagas, ({ orderId }) => orderId);
  for (const order of facts.orders ?? []) {
    judge.look(
      order.state !== 'PENDING' || isAwaited(order, sagaByUid, byOrder.get(order.id) ?? []),
      () => `order ${order.id} is PENDING, and ${whoEnded(order, sagaByUid)}`,
    );
  }
  for (const { service, sagaUid, step, state } of facts.fenceRows ?? []) {
    judge.look(
      state !== 'pending' || mayHold(sagaByUid.get(sagaUid), service),
      () => `${step} of saga ${sagaUid} is pending at ${service}, and nobody goes on with it`,
    );
  }
  for (const { id, status, sagaUid } of facts.provider?.intents ?? []) {
    judge.look(
      (status !== 'processing' && status !== 'requires_capture') ||
        mayHold(sagaByUid.get(sagaUid ?? ''), 'payment'),
      () =>
        `payment ${id} is ${status} at the provider, and saga ${sagaUid ?? '(none)'} does not wait for it`,
    );
  }
}

function mayHold(saga: SagaView | undefined, service: string): boolean {
  return saga !== undefined && (saga.isOpen || saga.fact.forced === true || isAbandonedAt(saga, service));
}

/** By the saga that claimed it; unclaimed, by any that was made for it. */
function isAwaited(
  order: OrderRow,
  sagaByUid: ReadonlyMap<string, SagaView>,
  ofOrder: readonly SagaView[],
): boolean {
  if (order.sagaUid !== null) return mayHold(sagaByUid.get(order.sagaUid), 'order');
  return ofOrder.some((saga) => mayHold(saga, 'order'));
}

function whoEnded(order: OrderRow, sagaByUid: ReadonlyMap<string, SagaView>): string {
  if (order.sagaUid === null) return 'no open saga is made for it';
  return `${sagaByUid.get(order.sagaUid)?.label ?? `saga ${order.sagaUid}`} is not open`;
}
