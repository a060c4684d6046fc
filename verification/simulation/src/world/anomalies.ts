import type { Facts } from '@sagamesh/invariants/facts';
import type { SimBus } from '../fakes/bus.ts';
import { streamNames } from '@sagamesh/contracts/subjects';
import type { Anomaly } from '../report/coverage.ts';

/** How often the situations came up in which sagas go wrong, read from what happened: for coverage, not for judging. */

type Count = (name: Anomaly | `reply ${string}` | `outcome ${string}`, times: number) => void;

export function countAnomalies(facts: Facts, bus: SimBus, count: Count): void {
  countReplies(facts, count);
  countSagas(facts, count);
  count('two operators sent commands of one saga', sharedSagas(bus));
}

function countReplies({ replies = [] }: Facts, count: Count): void {
  const told = new Map<string, number>();
  for (const { reply } of replies) {
    count(`reply ${reply.outcome}`, 1);
    const place = `${reply.sagaUid}/${reply.step}/${reply.outcome}`;
    told.set(place, (told.get(place) ?? 0) + 1);
    if (reply.outcome === 'NothingToUndo') count('empty rollback', 1);
    if (reply.outcome === 'Fenced') count('hanging: execute after its compensation', 1);
    if (reply.outcome === 'PivotPassed') count('pivot passed although an abort was asked', 1);
    if (reply.reason === 'OrderIdTaken') count('order id used twice', 1);
  }
  for (const [place, times] of told) {
    if (times < 2) continue;
    if (place.endsWith('/Executed')) count('duplicate execute answered from the row', times - 1);
    if (place.endsWith('/Compensated')) count('duplicate compensation answered from the row', times - 1);
    if (place.endsWith('/Rejected')) count('rejection repeated from the row', times - 1);
  }
}

function countSagas({ sagas = [], replies = [] }: Facts, count: Count): void {
  const endedAt = new Map<string, number>();
  for (const { uid, versions } of sagas) {
    const reasons = new Set<string>();
    for (const { status, position } of versions) {
      for (const { reason } of status.conditions ?? []) reasons.add(reason);
      if (status.outcome !== undefined && !endedAt.has(uid)) endedAt.set(uid, position);
    }
    for (const stuck of ['CompensationStuck', 'RevokeStuck', 'StepStuck'] as const) {
      if (reasons.has(stuck)) count(`stuck: ${stuck}`, 1);
    }
    if (reasons.has('ServiceUnknown')) count('waits: ServiceUnknown', 1);
    const last = versions.at(-1);
    if (last?.status.outcome !== undefined) count(`outcome ${last.status.outcome}`, 1);
    if (last?.status.failure?.reason === 'StepTimedOut') count('unknown outcome compensated', 1);
    if (last?.spec.order.sourceEventId !== undefined && last.status.outcome === 'Completed') {
      count('order claimed from the intake', 1);
    }
  }
  for (const { reply, position } of replies) {
    if (position > (endedAt.get(reply.sagaUid) ?? Infinity)) count('reply to a saga that is over', 1);
  }
}

function sharedSagas(bus: SimBus): number {
  const senders = new Map<string, Set<string>>();
  for (const { publisher, messageId } of bus.history(streamNames.commands)) {
    const uid = messageId?.split('/')[0] ?? '';
    const known = senders.get(uid);
    if (known === undefined) senders.set(uid, new Set([publisher]));
    else known.add(publisher);
  }
  return [...senders.values()].filter(({ size }) => size > 1).length;
}
