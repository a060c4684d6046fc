import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';

/**
 * I4, at every moment: each effect and each compensation of a (saga, step) is in the books at most once: one movement per saga, kind and SKU;
 * one capture and one standing refund at the provider and in the payment ledger; one confirmation and one cancellation per order, in events and in
 * the row; one entry per event and handler in an inbox. Sending a command or publishing an event many times is no violation.
 */
export function checkSingleEffects(facts: Facts): Finding {
  const judge = new Judge('I4');
  const once = counter(judge);
  for (const { sagaUid, kind, sku } of facts.stockMovements ?? []) {
    if (sagaUid !== null) once(sagaUid, `${kind} ${sku}`);
    else if (kind === 'initial') once(sku, 'initial stock');
  }
  for (const { sagaUid, step, kind } of facts.paymentLedger ?? []) {
    once(sagaUid, `${step} ${kind} in the payment ledger`);
  }
  for (const { sagaUid, step, orderId } of facts.provider?.captures ?? []) {
    once(sagaUid ?? orderId ?? 'nobody', `${step ?? ''} captured at the provider`);
  }
  for (const { sagaUid, step, orderId } of facts.provider?.refunds ?? []) {
    once(sagaUid ?? orderId ?? 'nobody', `${step ?? ''} refunded at the provider`);
  }
  for (const { sagaUid, service, step, kind } of facts.otherEffects ?? []) {
    once(sagaUid, `${step} ${kind} at ${service}`);
  }
  for (const { eventId, eventType, sagaUid, orderId, aggregateId } of facts.outbox ?? []) {
    once(eventId, 'the same event in two rows');
    const effect = effectOfEvent(eventType, sagaUid);
    if (effect) once(orderId ?? aggregateId, effect);
  }
  for (const { service, eventId, handler } of facts.inbox ?? []) {
    once(eventId, `handled by ${handler} of ${service}`);
  }
  lookAtOrderChanges(facts, once);
  return judge.finding;
}

type Once = (who: string, what: string) => void;

function counter(judge: Judge): Once {
  const seen = new Map<string, number>();
  return (who, what) => {
    const key = `${who}\n${what}`;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    // One violation per place: the third time adds nothing.
    if (count <= 2) judge.look(count === 1, () => `${who}: ${what}, more than once`);
  };
}

/** Each is written in the transaction of an effect. A plan may charge in several steps, so payments are not here. */
function effectOfEvent(eventType: string, sagaUid: string | null): string | undefined {
  switch (eventType) {
    case 'order.created':
      return 'announced as created by one event';
    case 'order.confirmed':
    case 'order.cancelled':
      return 'the end of the order, by event';
    case 'inventory.reserved':
    case 'inventory.released':
    case 'inventory.sold':
      return `${eventType} for saga ${sagaUid ?? 'none'}`;
    default:
      return undefined;
  }
}

/** An order ends once, whoever ends it. A write that leaves the state as it is (the claim) is no second end. */
function lookAtOrderChanges(facts: Facts, once: Once): void {
  const states = new Map<string, string>();
  for (const { orderId, state } of facts.orderChanges ?? []) {
    if (states.get(orderId) === state) continue;
    states.set(orderId, state);
    if (state !== 'PENDING') once(orderId, `the order became ${state}`);
    else once(orderId, 'the order became PENDING');
  }
}
