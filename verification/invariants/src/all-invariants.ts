import { checkAcknowledged } from './acknowledged.ts';
import { checkCommandContent } from './command-content.ts';
import { checkCompensationEffects } from './compensation-effects.ts';
import type { Facts } from './facts.ts';
import { checkFenceValues } from './fence-values.ts';
import type { Finding } from './finding.ts';
import { checkLeftovers } from './leftovers.ts';
import { checkLiveness } from './liveness.ts';
import { checkMessageDelivery } from './message-delivery.ts';
import { checkMoney } from './money-conservation.ts';
import { checkNotifications } from './notifications.ts';
import { checkOrderKeys } from './order-keys.ts';
import { checkOrphans } from './orphans.ts';
import { checkOutcomes } from './outcomes.ts';
import { checkPivot } from './pivot.ts';
import { checkFinality, checkReads } from './readers.ts';
import { checkReplayDeterminism } from './replay-determinism.ts';
import { checkReservations } from './reservations.ts';
import { checkSingleEffects } from './single-effects.ts';
import { checkStatusHistory } from './status-history.ts';
import { checkStatusTruth } from './status-truth.ts';
import { checkStepOrder } from './step-order.ts';
import { checkStock } from './stock-conservation.ts';
import { checkSurvivingEffects } from './surviving-effects.ts';

/** Every invariant of docs/guarantees.md with its checker, in order: the one table for reports and documentation. */

export type InvariantId = `I${number}`;

export interface Invariant {
  readonly id: InvariantId;
  /** One sentence. */
  readonly title: string;
  readonly check: (facts: Facts) => Finding;
}

export const allInvariants: readonly Invariant[] = [
  {
    id: 'I1',
    title:
      'Per SKU, initial + restocked = available + reserved + sold, nothing is below zero, and the rows say what the ledger says.',
    check: checkStock,
  },
  {
    id: 'I2',
    title: 'What is reserved is exactly what sagas hold, and at rest only sagas that are open hold anything.',
    check: checkReservations,
  },
  {
    id: 'I3',
    title:
      'Per order and saga, captured - refunded is the total if the order is CONFIRMED, else 0, and never more is refunded than was captured.',
    check: checkMoney,
  },
  {
    id: 'I4',
    title: 'Each step and each compensation of a saga has at most one committed effect.',
    check: checkSingleEffects,
  },
  {
    id: 'I5',
    title: 'Nothing is taken back that was not there, and a place that was buried or said no has no effect.',
    check: checkCompensationEffects,
  },
  {
    id: 'I6',
    title:
      'Steps go forward in plan order and, after the abort was acknowledged, back in exact reverse, each after the acknowledgement before it.',
    check: checkStepOrder,
  },
  {
    id: 'I7',
    title: 'Of an aborted saga no effect survives.',
    check: checkSurvivingEffects,
  },
  {
    id: 'I8',
    title: 'A saga that has passed its pivot only goes forward: nothing of it is undone, or asked to be.',
    check: checkPivot,
  },
  {
    id: 'I9',
    title:
      'Completed means every step is done as the spec says and none undone, Compensated means nothing is left, and the outcome is said last.',
    check: checkOutcomes,
  },
  {
    id: 'I10',
    title: 'After the last fault has healed every saga ends within its deadline and a bound.',
    check: checkLiveness,
  },
  {
    id: 'I11',
    title: 'The status goes along its graph and never back; an outcome never changes.',
    check: checkStatusHistory,
  },
  {
    id: 'I12',
    title: 'At rest the status of a saga agrees with the ledgers and with itself.',
    check: checkStatusTruth,
  },
  {
    id: 'I13',
    title: 'Each fence place has one committed value, and all replies about it tell one story.',
    check: checkFenceValues,
  },
  {
    id: 'I14',
    title: 'The same facts, asked twice, give the same decisions and the same trace.',
    check: checkReplayDeterminism,
  },
  {
    id: 'I15',
    title:
      'A step of a saga is always asked for with the same content, and the spec behind it never changes.',
    check: checkCommandContent,
  },
  {
    id: 'I16',
    title:
      'Every event of the outbox is published, every consumer has read all, and every unreadable message has a dead letter.',
    check: checkMessageDelivery,
  },
  {
    id: 'I17',
    title:
      'Nothing belongs to nobody: no reservation, payment or pending order without its saga, and no finalizer goes before the outcome.',
    check: checkOrphans,
  },
  {
    id: 'I18',
    title: 'One order has one saga, for ever.',
    check: checkOrderKeys,
  },
  {
    id: 'I19',
    title:
      'Per order, kind and channel customers get at most one distinct message, what it says is true, and a confirmation that is due goes out.',
    check: checkNotifications,
  },
  {
    id: 'I20',
    title: 'Every order and saga that was acknowledged to a client exists and ends.',
    check: checkAcknowledged,
  },
  {
    id: 'I21',
    title: 'Nobody reads CONFIRMED before the order is confirmed, or fewer than zero pieces.',
    check: checkReads,
  },
  {
    id: 'I22',
    title: 'At rest nothing is left behind and nothing of the basis is missing, fence rows aside.',
    check: checkLeftovers,
  },
  {
    id: 'I23',
    title: 'What a client saw as final is still final and equal to the saga.',
    check: checkFinality,
  },
];

/** In the order of the table. */
export function checkAll(facts: Facts): readonly Finding[] {
  return allInvariants.map(({ check }) => check(facts));
}
