import type { Step } from '@sagamesh/contracts/order-saga';
import type { Facts, OrderRow } from './facts.ts';
import { viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/** What really took effect, step by step, from the ledgers alone: never from fence rows, replies or the status. */
export interface StepEffect {
  /** How often the step's effect is in the books. */
  readonly executed: number;
  /** How often it was taken back. */
  readonly undone: number;
}

/** Undefined: nobody can see the effects of this step (its ledger is not among the facts). */
export function effectOf(facts: Facts, saga: SagaView, step: Step): StepEffect | undefined {
  const books = booksOf(facts);
  let effects = books.effects.get(saga);
  if (!effects) {
    effects = new Map(saga.plan.map((each) => [each, readEffect(facts, books, saga, each)]));
    books.effects.set(saga, effects);
  }
  return effects.get(step);
}

function readEffect(facts: Facts, books: Books, saga: SagaView, step: Step): StepEffect | undefined {
  switch (`${step.service}/${step.execute}`) {
    case 'order/create':
    case 'order/confirm':
      return facts.orders && isOnlyOne(saga, step)
        ? effectOnOrder(step, viewOf(facts).orderBySaga.get(saga.uid))
        : undefined;
    case 'inventory/reserve':
      return facts.stockMovements && isOnlyOne(saga, step)
        ? { executed: books.count(saga.uid, 'reserved'), undone: books.count(saga.uid, 'released') }
        : undefined;
    case 'inventory/settle':
      return facts.stockMovements && isOnlyOne(saga, step)
        ? { executed: books.count(saga.uid, 'sold'), undone: 0 }
        : undefined;
    case 'payment/charge':
      return facts.provider || facts.paymentLedger
        ? {
            executed: books.count(saga.uid, `${step.name}/captured`),
            undone: books.count(saga.uid, `${step.name}/refunded`),
          }
        : undefined;
    default:
      return facts.otherEffects
        ? {
            executed: books.count(saga.uid, `${step.service}/${step.name}/executed`),
            undone: books.count(saga.uid, `${step.service}/${step.name}/compensated`),
          }
        : undefined;
  }
}

/** The effect is there and was not taken back. */
export function stands(effect: StepEffect): boolean {
  return effect.executed > effect.undone;
}

/** These ledgers name the saga, not the step: with two such steps in a plan nobody can tell whose effect it is. */
function isOnlyOne(saga: SagaView, step: Step): boolean {
  return saga.plan.every(
    (other) => other === step || other.service !== step.service || other.execute !== step.execute,
  );
}

function effectOnOrder(step: Step, claimed: OrderRow | undefined): StepEffect {
  if (step.execute === 'confirm') return { executed: claimed?.state === 'CONFIRMED' ? 1 : 0, undone: 0 };
  return { executed: claimed ? 1 : 0, undone: claimed?.state === 'CANCELLED' ? 1 : 0 };
}

interface Books {
  /** Looked up once for all checkers. */
  readonly effects: Map<SagaView, ReadonlyMap<Step, StepEffect | undefined>>;
  count(sagaUid: string, entry: string): number;
}

const known = new WeakMap<Facts, Books>();

function booksOf(facts: Facts): Books {
  const before = known.get(facts);
  if (before) return before;
  const books = openBooks(facts);
  known.set(facts, books);
  return books;
}

/** One reservation is one effect, whatever its number of SKUs: so movements count per saga, kind and SKU, and the largest count is taken. */
function openBooks(facts: Facts): Books {
  const counts = new Map<string, number>();
  const add = (key: string) => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count;
  };
  const perSku = new Map<string, number>();
  for (const { sagaUid, kind, sku } of facts.stockMovements ?? []) {
    if (sagaUid === null) continue;
    const count = add(`${sagaUid}/${kind}/${sku}`);
    const key = `${sagaUid} ${kind}`;
    perSku.set(key, Math.max(count, perSku.get(key) ?? 0));
  }
  for (const [key, count] of perSku) counts.set(key, count);
  for (const { sagaUid, step, kind } of moneyMoves(facts)) {
    if (sagaUid !== null) add(`${sagaUid} ${step ?? ''}/${kind}`);
  }
  for (const { sagaUid, service, step, kind } of facts.otherEffects ?? []) {
    add(`${sagaUid} ${service}/${step}/${kind}`);
  }
  return { effects: new Map(), count: (sagaUid, entry) => counts.get(`${sagaUid} ${entry}`) ?? 0 };
}

interface MoneyMove {
  readonly sagaUid: string | null;
  readonly step: string | null;
  readonly kind: 'captured' | 'refunded';
}

/** Where the money is, is said by the provider; only without it by the service's own ledger. */
function moneyMoves(facts: Facts): readonly MoneyMove[] {
  if (!facts.provider) return facts.paymentLedger ?? [];
  const { captures, refunds } = facts.provider;
  return [
    ...captures.map(({ sagaUid, step }) => ({ sagaUid, step, kind: 'captured' as const })),
    ...refunds.map(({ sagaUid, step }) => ({ sagaUid, step, kind: 'refunded' as const })),
  ];
}
