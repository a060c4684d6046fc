import { effectOf } from './effects.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { viewOf } from './view.ts';

/**
 * I5, at every moment: nothing is taken back that was not there (released or sold <= reserved per saga and SKU and never before it, refunded <=
 * captured per payment, an event of undoing after one of doing); and a place that was buried or said no has no effect in the books. The one
 * compensation that may do something on an empty place cancels the UNCLAIMED order of its event.
 */
export function checkCompensationEffects(facts: Facts): Finding {
  const judge = new Judge('I5');
  lookAtMovements(facts, judge);
  lookAtMoney(facts, judge);
  lookAtOtherEffects(facts, judge);
  lookAtEmptyPlaces(facts, judge);
  return judge.finding;
}

/** The ledger is in order, so at each line what the saga still holds must suffice. */
function lookAtMovements(facts: Facts, judge: Judge): void {
  const held = new Map<string, number>();
  for (const { kind, sku, quantity, sagaUid } of facts.stockMovements ?? []) {
    if (sagaUid === null) continue;
    const key = `${sagaUid} ${sku}`;
    const before = held.get(key) ?? 0;
    if (kind === 'reserved') {
      held.set(key, before + quantity);
      continue;
    }
    held.set(key, before - quantity);
    judge.look(
      quantity <= before,
      () => `saga ${sagaUid}: ${quantity} ${sku} ${kind}, but it held ${before} then`,
    );
  }
}

function lookAtMoney(facts: Facts, judge: Judge): void {
  const books = [
    {
      where: 'at the provider',
      taken: (facts.provider?.captures ?? []).map((move) => ({ ...move, payment: move.intentId })),
      given: (facts.provider?.refunds ?? []).map((move) => ({ ...move, payment: move.intentId })),
    },
    {
      where: 'in the payment ledger',
      taken: entriesOf(facts, 'captured'),
      given: entriesOf(facts, 'refunded'),
    },
  ];
  for (const { where, taken, given } of books) {
    const left = new Map<string, number>();
    for (const { payment, amountCents } of taken) left.set(payment, (left.get(payment) ?? 0) + amountCents);
    for (const { payment, amountCents } of given) {
      const before = left.get(payment) ?? 0;
      left.set(payment, before - amountCents);
      judge.look(
        amountCents <= before,
        () => `payment ${payment}: ${amountCents} cents refunded ${where}, but ${before} were left`,
      );
    }
  }
}

function entriesOf(facts: Facts, kind: 'captured' | 'refunded') {
  return (facts.paymentLedger ?? [])
    .filter((entry) => entry.kind === kind)
    .map(({ paymentId, amountCents }) => ({ payment: paymentId, amountCents }));
}

function lookAtOtherEffects(facts: Facts, judge: Judge): void {
  const executed = new Set<string>();
  for (const { service, sagaUid, step, kind } of facts.otherEffects ?? []) {
    const key = `${service}/${sagaUid}/${step}`;
    if (kind === 'executed') executed.add(key);
    else
      judge.look(executed.has(key), () => `saga ${sagaUid}: ${step} of ${service} undone before it was done`);
  }
}

function lookAtEmptyPlaces(facts: Facts, judge: Judge): void {
  if (!facts.fenceRows) return;
  for (const saga of viewOf(facts).sagas) {
    const states = new Map(saga.fenceRows.map(({ step, state }) => [step, state]));
    for (const step of saga.plan) {
      const state = states.get(step.name);
      if (state !== 'tombstone' && state !== 'rejected') continue;
      const effect = effectOf(facts, saga, step);
      if (!effect) continue;
      judge.look(
        effect.executed === 0 && effect.undone === 0,
        () =>
          `${saga.label}: ${step.name} is ${state}, but the books say done ${effect.executed}, undone ${effect.undone} times`,
      );
    }
  }
}
