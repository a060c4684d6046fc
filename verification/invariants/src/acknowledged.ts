import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { isAbandonedAt, viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I20: what somebody was promised is there: an accepted order has its row, an accepted saga was stored; at quiesce both have ended, and an order
 * that a saga claimed has a saga that was stored. What a client is unsure of (no answer) is legal either way and not among the facts.
 */
export function checkAcknowledged(facts: Facts): Finding {
  const judge = new Judge('I20');
  const { orderById, sagaByUid } = viewOf(facts);
  for (const accepted of facts.clients?.accepted ?? []) {
    if (accepted.kind === 'saga') {
      if (!facts.sagas) continue;
      const saga = sagaByUid.get(accepted.uid);
      judge.look(
        saga !== undefined,
        () => `saga ${accepted.name} (${accepted.uid}) was accepted and is lost`,
      );
      if (saga && facts.atQuiesce) lookAtEnd(saga, judge);
      continue;
    }
    if (!facts.orders) continue;
    const order = orderById.get(accepted.orderId);
    judge.look(order !== undefined, () => `order ${accepted.orderId} was accepted and is lost`);
    if (!order || !facts.atQuiesce) continue;
    const saga = sagaByUid.get(order.sagaUid ?? '');
    judge.also(
      order.state !== 'PENDING' ||
        saga?.fact.mayStayOpen !== undefined ||
        saga?.fact.forced === true ||
        isAbandonedAt(saga, 'order'),
      () => `order ${order.id} was accepted and is still PENDING`,
    );
    if (facts.sagas && order.sagaUid !== null) {
      judge.also(saga !== undefined, () => `order ${order.id}: its saga ${order.sagaUid} is lost`);
      if (saga) lookAtEnd(saga, judge);
    }
  }
  return judge.finding;
}

function lookAtEnd(saga: SagaView, judge: Judge): void {
  judge.also(
    !saga.isOpen || saga.fact.mayStayOpen !== undefined || saga.fact.forced === true,
    () => `${saga.label} was accepted and has not ended`,
  );
}
