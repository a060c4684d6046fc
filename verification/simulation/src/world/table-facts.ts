import type { Facts } from '@sagamesh/invariants/facts';
import { z } from 'zod';
import type { RowChange } from '../fakes/database-sql.ts';
import type { SagaFenceRow } from '../fakes/tables/fence-table.ts';
import type { InboxTableRow, OutboxTableRow } from '../fakes/tables/messaging-tables.ts';
import type { OrderTableRow } from '../fakes/tables/order-tables.ts';
import type { PaymentLedgerRow, PaymentRow } from '../fakes/tables/payment-tables.ts';
import type { MovementRow, ReservationRow, StockRow } from '../fakes/tables/stock-tables.ts';
import { simulationEpochMillis } from '../kernel/sim.ts';

/** Rows of the services' tables as facts for the checkers: other names, nothing added. */

export interface KitRows {
  readonly service: string;
  readonly fence: readonly SagaFenceRow[];
  readonly fenceHistory: readonly RowChange<SagaFenceRow>[];
  readonly outbox: readonly OutboxTableRow[];
  readonly inbox: readonly InboxTableRow[];
}

export interface TableRows {
  readonly kits: readonly KitRows[];
  readonly orders: readonly OrderTableRow[];
  readonly orderHistory: readonly RowChange<OrderTableRow>[];
  readonly stock: readonly StockRow[];
  readonly movements: readonly MovementRow[];
  readonly reservations: readonly ReservationRow[];
  readonly payments: readonly PaymentRow[];
  readonly ledger: readonly PaymentLedgerRow[];
}

export type LedgerFacts = Pick<
  Facts,
  | 'orders'
  | 'orderChanges'
  | 'stock'
  | 'stockMovements'
  | 'reservations'
  | 'payments'
  | 'paymentLedger'
  | 'fenceRows'
  | 'fenceChanges'
  | 'outbox'
  | 'inbox'
>;

const orderState = z.enum(['PENDING', 'CONFIRMED', 'CANCELLED']);
const movementKind = z.enum(['initial', 'restocked', 'reserved', 'released', 'sold']);
const reservationState = z.enum(['reserved', 'released', 'sold']);
const paymentStatus = z.enum(['captured', 'declined', 'refunded', 'cancelled']);
const entryKind = z.enum(['captured', 'refunded']);
const fenceState = z.enum(['pending', 'executed', 'rejected', 'compensated', 'tombstone']);
const aboutSchema = z.object({
  payload: z.object({
    sagaUid: z.string().nullish(),
    orderId: z.string().nullish(),
    order: z.object({ id: z.string() }).optional(),
  }),
});

export function toFacts(rows: TableRows): LedgerFacts {
  return {
    orders: rows.orders.map((row) => ({
      id: row.id,
      sagaUid: row.saga_uid,
      state: orderState.parse(row.state),
      totalCents: row.total_cents,
      currency: row.currency,
      sourceEventId: row.source_event_id,
    })),
    orderChanges: rows.orderHistory.map(({ atMillis, after }) => ({
      orderId: after.id,
      sagaUid: after.saga_uid,
      state: orderState.parse(after.state),
      position: atMillis - simulationEpochMillis,
    })),
    stock: rows.stock.map(({ sku, available, reserved, sold }) => ({ sku, available, reserved, sold })),
    stockMovements: rows.movements.map((row) => ({
      kind: movementKind.parse(row.kind),
      sku: row.sku,
      quantity: row.quantity,
      sagaUid: row.saga_uid,
      orderId: row.order_id,
    })),
    reservations: rows.reservations.map((row) => ({
      sagaUid: row.saga_uid,
      id: row.id,
      orderId: row.order_id,
      state: reservationState.parse(row.state),
    })),
    payments: rows.payments.map((row) => ({
      ...paymentOf(row),
      status: paymentStatus.parse(row.status),
    })),
    paymentLedger: rows.ledger.map((row) => ({ ...paymentOf(row), kind: entryKind.parse(row.kind) })),
    fenceRows: rows.kits.flatMap(({ service, fence }) => fence.map((row) => fenceOf(service, row))),
    fenceChanges: rows.kits.flatMap(changesOf),
    outbox: rows.kits.flatMap(({ service, outbox }) =>
      // As written: what changed last may come last.
      outbox.toSorted((a, b) => a.seq - b.seq).map((row) => outboxOf(service, row)),
    ),
    inbox: rows.kits.flatMap(({ service, inbox }) =>
      inbox.map((row) => ({ service, eventId: row.event_id, handler: row.handler })),
    ),
  };
}

function paymentOf(row: PaymentRow | PaymentLedgerRow) {
  return {
    paymentId: row.payment_id,
    sagaUid: row.saga_uid,
    step: row.step,
    orderId: row.order_id,
    amountCents: row.amount_cents,
    currency: row.currency,
  };
}

function fenceOf(service: string, row: SagaFenceRow) {
  return { service, sagaUid: row.saga_uid, step: row.step, state: fenceState.parse(row.state) };
}

function changesOf({ service, fenceHistory }: KitRows) {
  return fenceHistory.map(({ atMillis, after }) => ({
    ...fenceOf(service, after),
    position: atMillis - simulationEpochMillis,
  }));
}

function outboxOf(service: string, row: OutboxTableRow) {
  const { payload } = aboutSchema.parse(row.event);
  return {
    service,
    eventId: row.event_id,
    eventType: row.event_type,
    aggregateId: row.aggregate_id,
    sagaUid: payload.sagaUid ?? null,
    orderId: payload.orderId ?? payload.order?.id ?? null,
    published: row.published_at !== null,
  };
}
