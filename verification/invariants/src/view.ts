import type { Direction } from '@sagamesh/contracts/messages';
import type { Outcome, Step } from '@sagamesh/contracts/order-saga';
import type {
  CommandFact,
  Facts,
  FenceChange,
  FenceRow,
  OrderRow,
  ReplyFact,
  SagaFact,
  SagaVersion,
} from './facts.ts';

/** The facts by saga, grouped once for all checkers. Facts never change, so neither does this. */
export interface View {
  readonly facts: Facts;
  readonly sagas: readonly SagaView[];
  readonly sagaByUid: ReadonlyMap<string, SagaView>;
  readonly orderById: ReadonlyMap<string, OrderRow>;
  readonly orderBySaga: ReadonlyMap<string, OrderRow>;
  /** Of every uid, known or not. */
  readonly history: Histories;
}

export interface Histories {
  readonly commands: ReadonlyMap<string, readonly CommandFact[]>;
  readonly replies: ReadonlyMap<string, readonly ReplyFact[]>;
  readonly fenceChanges: ReadonlyMap<string, readonly FenceChange[]>;
  readonly fenceRows: ReadonlyMap<string, readonly FenceRow[]>;
}

export interface SagaView {
  readonly fact: SagaFact;
  readonly uid: string;
  readonly orderId: string;
  /** For sentences: name and uid. */
  readonly label: string;
  readonly plan: readonly Step[];
  readonly pivotIndex: number;
  readonly last: SagaVersion;
  readonly outcome: Outcome | undefined;
  /** There, and not said to have ended. */
  readonly isOpen: boolean;
  readonly commands: readonly CommandFact[];
  readonly replies: readonly ReplyFact[];
  readonly fenceChanges: readonly FenceChange[];
  readonly fenceRows: readonly FenceRow[];
  /** Acknowledgements that were given up, as `step/direction`, as recorded in the status. */
  readonly abandoned: ReadonlySet<string>;
  /** Steps that a person named in the annotation, acted upon or not. */
  readonly givenUp: ReadonlySet<string>;
}

const views = new WeakMap<Facts, View>();

export function viewOf(facts: Facts): View {
  const known = views.get(facts);
  if (known) return known;
  const view = buildView(facts);
  views.set(facts, view);
  return view;
}

function buildView(facts: Facts): View {
  const history: Histories = {
    commands: groupBy(facts.commands ?? [], ({ command }) => command.sagaUid),
    replies: groupBy(facts.replies ?? [], ({ reply }) => reply.sagaUid),
    fenceChanges: groupBy(facts.fenceChanges ?? [], ({ sagaUid }) => sagaUid),
    fenceRows: groupBy(facts.fenceRows ?? [], ({ sagaUid }) => sagaUid),
  };
  const sagas = (facts.sagas ?? []).flatMap((fact) => {
    const last = fact.versions.at(-1);
    return last ? [viewOfSaga(fact, last, history)] : [];
  });
  const orders = facts.orders ?? [];
  return {
    facts,
    history,
    sagas,
    sagaByUid: new Map(sagas.map((saga) => [saga.uid, saga])),
    orderById: new Map(orders.map((order) => [order.id, order])),
    orderBySaga: new Map(orders.flatMap((order) => (order.sagaUid === null ? [] : [[order.sagaUid, order]]))),
  };
}

function viewOfSaga(fact: SagaFact, last: SagaVersion, history: Histories): SagaView {
  const plan = last.spec.steps;
  const abandoned = new Set<string>();
  const givenUp = new Set<string>();
  for (const { status, abandonStep } of fact.versions) {
    if (abandonStep !== undefined) givenUp.add(abandonStep);
    for (const { step, direction } of status.abandoned ?? []) abandoned.add(place(step, direction));
  }
  const { outcome } = last.status;
  return {
    fact,
    uid: fact.uid,
    orderId: last.spec.order.id,
    label: `saga ${fact.name} (${fact.uid})`,
    plan,
    pivotIndex: plan.findIndex((step) => step.pivot),
    last,
    outcome,
    isOpen: outcome === undefined && !fact.gone,
    commands: history.commands.get(fact.uid) ?? [],
    replies: history.replies.get(fact.uid) ?? [],
    fenceChanges: history.fenceChanges.get(fact.uid) ?? [],
    fenceRows: history.fenceRows.get(fact.uid) ?? [],
    abandoned,
    givenUp,
  };
}

export function place(step: string, direction: Direction): string {
  return `${step}/${direction}`;
}

/** The acknowledgement was given up, or may have been: a person named the step, and what became of it is not recorded. */
export function mayBeAbandoned(saga: SagaView, step: string, direction: Direction): boolean {
  return saga.givenUp.has(step) || saga.abandoned.has(place(step, direction));
}

export function isAbandoned(saga: SagaView, step: string, direction: Direction): boolean {
  return saga.abandoned.has(place(step, direction));
}

/** Any acknowledgement of this service's steps was given up. */
export function isAbandonedAt(saga: SagaView | undefined, service: string): boolean {
  if (!saga || saga.abandoned.size === 0) return false;
  return saga.plan.some(
    (step) =>
      step.service === service &&
      (isAbandoned(saga, step.name, 'execute') ||
        isAbandoned(saga, step.name, 'compensate') ||
        isAbandoned(saga, step.name, 'revoke')),
  );
}

export function pivotOf(saga: SagaView): Step | undefined {
  return saga.plan[saga.pivotIndex];
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
