import type { Step } from '@sagamesh/contracts/order-saga';
import { effectOf } from './effects.ts';
import type { Facts } from './facts.ts';
import type { Judge } from './judge.ts';
import { viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/** What the effects of a saga were made of, held against its spec: pieces per SKU, cents and currency. */

type Quantities = ReadonlyMap<string, number>;

interface Money {
  readonly amountCents: number;
  readonly currency: string;
}

/** Summed once for all sagas. */
export interface EffectContents {
  /** Pieces per SKU, by `sagaUid kind`. */
  readonly moved: ReadonlyMap<string, Quantities>;
  /** By `sagaUid step`. */
  readonly captures: ReadonlyMap<string, readonly Money[]>;
}

export function contentsOf(facts: Facts): EffectContents {
  const moved = new Map<string, Map<string, number>>();
  for (const { sagaUid, kind, sku, quantity } of facts.stockMovements ?? []) {
    if (sagaUid === null) continue;
    const key = `${sagaUid} ${kind}`;
    const perSku = moved.get(key) ?? new Map<string, number>();
    moved.set(key, perSku.set(sku, (perSku.get(sku) ?? 0) + quantity));
  }
  const captures = new Map<string, Money[]>();
  for (const { sagaUid, step, amountCents, currency } of facts.provider?.captures ?? []) {
    const key = `${sagaUid} ${step}`;
    const ofStep = captures.get(key) ?? [];
    ofStep.push({ amountCents, currency });
    captures.set(key, ofStep);
  }
  return { moved, captures };
}

/** Whether there has to be an effect is not judged here: only that one that is there, or was, is the one that was asked for. */
export function lookAtContents(facts: Facts, saga: SagaView, contents: EffectContents, judge: Judge): void {
  const { items, currency } = saga.last.spec.order;
  const ordered = new Map<string, number>();
  let amountCents = 0;
  for (const { sku, quantity, unitPriceCents } of items) {
    ordered.set(sku, (ordered.get(sku) ?? 0) + quantity);
    amountCents += quantity * unitPriceCents;
  }
  const total = { amountCents, currency };
  for (const step of saga.plan) {
    if ((effectOf(facts, saga, step)?.executed ?? 0) === 0) continue;
    for (const kind of movementsOf(step)) {
      const quantities = contents.moved.get(`${saga.uid} ${kind}`);
      if (quantities === undefined) continue;
      judge.look(
        isSame(quantities, ordered),
        () => `${saga.label}: ordered are ${told(ordered)}, ${kind} were ${told(quantities)}`,
      );
    }
    for (const { what, money } of moneyOf(facts, saga, step, contents)) {
      judge.look(
        money.amountCents === amountCents && money.currency.toLowerCase() === currency.toLowerCase(),
        () => `${saga.label}: ordered for ${inWords(total)}, ${what} ${inWords(money)}`,
      );
    }
  }
}

function movementsOf({ service, execute }: Step): readonly string[] {
  if (service !== 'inventory') return [];
  return execute === 'reserve' ? ['reserved', 'released'] : execute === 'settle' ? ['sold'] : [];
}

function moneyOf(facts: Facts, saga: SagaView, step: Step, { captures }: EffectContents) {
  switch (`${step.service}/${step.execute}`) {
    case 'payment/charge':
      return (captures.get(`${saga.uid} ${step.name}`) ?? []).map((money) => ({ what: 'captured', money }));
    case 'order/create': {
      const row = viewOf(facts).orderBySaga.get(saga.uid);
      return row
        ? [{ what: 'its row says', money: { amountCents: row.totalCents, currency: row.currency } }]
        : [];
    }
    default:
      return [];
  }
}

function isSame(one: Quantities, other: Quantities): boolean {
  if (one.size !== other.size) return false;
  for (const [sku, quantity] of one) if (other.get(sku) !== quantity) return false;
  return true;
}

const told = (quantities: Quantities) => [...quantities].map(([sku, count]) => `${count} ${sku}`).join(', ');
const inWords = ({ amountCents, currency }: Money) => `${amountCents} cents ${currency.toUpperCase()}`;
