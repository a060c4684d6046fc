import type { Command } from '@sagamesh/contracts/messages';
import type { Tx } from '@sagamesh/kit/db';
import type { ExecuteOutcome, LocalStep, UndoOutcome } from '@sagamesh/kit/step';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import {
  decideClaim,
  decideConfirm,
  decideRefusal,
  eventOfAnother,
  isUnclaimedOrderOf,
} from './order-decisions.ts';
import { orderCancelled, orderConfirmed } from './order-events.ts';
import {
  cancelOrder,
  claimOrder,
  confirmOrder,
  findPrices,
  insertOrder,
  lockOrder,
  orderOfEvent,
} from './order-store.ts';
import { checkListPrices } from './pricing.ts';

/** The saga steps of the order service: create/cancel, the pivot confirm, and the intake's refuse. */

const undoneReason = 'the saga could not be completed and was undone';
const neverStartedReason = 'the saga was ended before it created the order';
const refusedReason = 'no saga could be made for this order';

/**
 * Claims the order that came in over HTTP, or inserts one. No order.created for an inserted one: the intake would make a second saga of it.
 * Prices are compared with the list only when inserting: an order from HTTP keeps the prices that were agreed then.
 */
async function create(tx: Tx, { sagaUid, order }: Command): Promise<ExecuteOutcome> {
  let existing = await lockOrder(tx, order.id);
  if (existing === undefined) {
    const skus = order.items.map(({ sku }) => sku);
    const problem = checkListPrices(order, await findPrices(tx, skus));
    if (problem !== undefined) return problem;
    if (await insertOrder(tx, { order, sagaUid, announceAfterMillis: null })) return { kind: 'executed' };
    // Somebody was quicker between our look and our insert, and has committed since: a new statement sees the row.
    existing = await lockOrder(tx, order.id);
    if (existing === undefined) {
      const announced = await orderOfEvent(tx, order.sourceEventId ?? '');
      if (announced !== undefined) return eventOfAnother(order, announced);
      throw new RetryableError(`order ${order.id} was neither inserted nor seen`);
    }
  }
  const decision = decideClaim(existing, order);
  if (decision.kind === 'rejected') return decision;
  await claimOrder(tx, order.id, sagaUid);
  return { kind: 'executed' };
}

async function cancel(tx: Tx, { sagaUid, order }: Command): Promise<UndoOutcome> {
  const existing = await lockOrder(tx, order.id);
  if (existing === undefined || existing.sagaUid !== sagaUid || existing.state !== 'PENDING') {
    // The fence says that this saga created the order and did not undo it: a confirmed order cannot be undone, and nothing else can be.
    throw new TerminalError(`order ${order.id} is not a PENDING order of this saga and cannot be cancelled`);
  }
  await cancelOrder(tx, order.id, undoneReason);
  return { events: [orderCancelled(existing, sagaUid, undoneReason)] };
}

/** The saga ended before its create ran: the order that it was made for would otherwise be announced again and again. */
async function cancelUnclaimed(tx: Tx, { sagaUid, order }: Command): Promise<UndoOutcome> {
  const existing = await lockOrder(tx, order.id);
  if (!isUnclaimedOrderOf(existing, order)) return {};
  await cancelOrder(tx, order.id, neverStartedReason);
  return { events: [orderCancelled(existing, sagaUid, neverStartedReason)] };
}

/** The pivot: from here on the saga only goes forward. */
async function confirm(tx: Tx, { sagaUid, order }: Command): Promise<ExecuteOutcome> {
  const decision = decideConfirm(await lockOrder(tx, order.id), order.id, sagaUid);
  if (decision.kind === 'rejected') return decision;
  await confirmOrder(tx, order.id, sagaUid);
  return { kind: 'executed', events: [orderConfirmed(decision.existing)] };
}

/**
 * The customer reads the code in `with.reason` (NameTaken, RefusedByApiServer); the details are for the platform's people and stand in the
 * dead letter.
 */
async function refuse(tx: Tx, { order, with: settings }: Command): Promise<ExecuteOutcome> {
  const existing = await lockOrder(tx, order.id);
  const decision = decideRefusal(existing, order);
  if (decision.kind === 'rejected') return decision;
  if (decision.kind === 'alreadyCancelled') return { kind: 'executed' };
  const code = settings['reason'];
  const reason = code === undefined ? refusedReason : `${refusedReason} (${code})`;
  await cancelOrder(tx, order.id, reason);
  return { kind: 'executed', events: [orderCancelled(decision.existing, null, reason)] };
}

export const orderSteps: readonly LocalStep[] = [
  {
    kind: 'local',
    execute: 'create',
    compensate: 'cancel',
    apply: create,
    undo: cancel,
    undoNothing: cancelUnclaimed,
  },
  { kind: 'local', execute: 'confirm', apply: confirm },
  { kind: 'local', execute: 'refuse', apply: refuse },
];
