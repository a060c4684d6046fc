import type { Command } from '@sagamesh/contracts/messages';
import { rejectionReasons } from '@sagamesh/contracts/reasons';
import type { Tx } from '@sagamesh/kit/db';
import type { ExecuteOutcome, LocalStep, NewEvent, UndoOutcome } from '@sagamesh/kit/step';
import { TerminalError } from '@sagamesh/runtime/errors';
import { endReservation, insertReservation, lockReservation } from './reservation-store.ts';
import {
  aggregateLines,
  decideReservation,
  decideSettlement,
  reservationIdOf,
  type StockLine,
} from './stock-decisions.ts';
import { lockStock, moveStock } from './stock-store.ts';

/** The saga steps of the inventory service: reserve/release before the pivot, settle after it. */

/** Told which SKUs a transaction changes, so that the read cache can forget them after the commit. */
export type StockChanged = (tx: Tx, lines: readonly StockLine[]) => void;

// An event repeats the order's own lines: added up per SKU they could pass the bound of one line.
const quantitiesOfOrder = ({ order }: Command) => order.items.map(({ sku, quantity }) => ({ sku, quantity }));

function reservationEvent(
  eventType: 'inventory.reserved' | 'inventory.released' | 'inventory.sold',
  command: Command,
): NewEvent {
  return {
    eventType,
    aggregateId: command.orderId,
    payload: {
      orderId: command.orderId,
      sagaUid: command.sagaUid,
      reservationId: reservationIdOf(command.sagaUid),
      items: quantitiesOfOrder(command),
    },
  };
}

function rejectedEvent(command: Command, reason: string): NewEvent {
  return {
    eventType: 'inventory.rejected',
    aggregateId: command.orderId,
    payload: {
      orderId: command.orderId,
      sagaUid: command.sagaUid,
      items: quantitiesOfOrder(command),
      reason,
    },
  };
}

async function reserve(tx: Tx, command: Command, changed: StockChanged): Promise<ExecuteOutcome> {
  const { sagaUid, orderId } = command;
  const lines = aggregateLines(command.order.items);
  const id = reservationIdOf(sagaUid);
  if (!(await insertReservation(tx, { sagaUid, id, orderId }))) {
    return {
      kind: 'rejected',
      reason: rejectionReasons.AlreadyReserved,
      message: `saga ${sagaUid} has a reservation already; a plan reserves once`,
    };
  }
  const stock = await lockStock(
    tx,
    lines.map(({ sku }) => sku),
  );
  const decision = decideReservation(lines, stock);
  if (decision.kind === 'rejected') {
    return { ...decision, events: [rejectedEvent(command, decision.message)] };
  }
  await moveStock(tx, { kind: 'reserved', sagaUid, orderId, lines });
  changed(tx, lines);
  return {
    kind: 'executed',
    result: { reservationId: id },
    events: [reservationEvent('inventory.reserved', command)],
  };
}

/** What the saga holds goes back to the shelf or to the buyer. */
async function moveReserved(
  tx: Tx,
  { sagaUid, orderId }: Command,
  kind: 'released' | 'sold',
  changed: StockChanged,
): Promise<void> {
  const lines = await endReservation(tx, sagaUid, kind);
  await lockStock(
    tx,
    lines.map(({ sku }) => sku),
  );
  await moveStock(tx, { kind, sagaUid, orderId, lines });
  changed(tx, lines);
}

async function release(tx: Tx, command: Command, changed: StockChanged): Promise<UndoOutcome> {
  const { sagaUid } = command;
  const state = await lockReservation(tx, sagaUid);
  if (state !== 'reserved') {
    // The fence says that this saga reserved and did not release: only a plan that sells before its pivot comes here.
    throw new TerminalError(`reservation of saga ${sagaUid} is ${state ?? 'missing'} and cannot be released`);
  }
  await moveReserved(tx, command, 'released', changed);
  return { events: [reservationEvent('inventory.released', command)] };
}

async function settle(tx: Tx, command: Command, changed: StockChanged): Promise<ExecuteOutcome> {
  const { sagaUid } = command;
  const decision = decideSettlement(await lockReservation(tx, sagaUid), sagaUid);
  if (decision.kind === 'rejected') return decision;
  await moveReserved(tx, command, 'sold', changed);
  return { kind: 'executed', events: [reservationEvent('inventory.sold', command)] };
}

export function inventorySteps(changed: StockChanged): readonly LocalStep[] {
  return [
    {
      kind: 'local',
      execute: 'reserve',
      compensate: 'release',
      apply: (tx, command) => reserve(tx, command, changed),
      undo: (tx, command) => release(tx, command, changed),
    },
    {
      kind: 'local',
      execute: 'settle',
      apply: (tx, command) => settle(tx, command, changed),
    },
  ];
}
