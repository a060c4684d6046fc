import type { Tx } from '@sagamesh/kit/db';

/** The tables `payments` (one row per saga and step) and `payment_ledger` (append-only; what checkers read). */

export interface RecordedPayment {
  readonly paymentId: string;
  readonly sagaUid: string;
  readonly step: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly currency: string;
}

export type PaymentStatus = 'captured' | 'declined' | 'refunded' | 'cancelled';

export async function recordCaptured(tx: Tx, payment: RecordedPayment): Promise<void> {
  await putPayment(tx, payment, 'captured', '');
  await addEntry(tx, payment, 'captured', payment.amountCents);
}

export async function recordDeclined(tx: Tx, payment: RecordedPayment, reason: string): Promise<void> {
  await putPayment(tx, payment, 'declined', reason);
}

/** `refundedCents` 0: no money had been taken. The capture may be news to us: then the ledger learns both at once. */
export async function recordUndone(tx: Tx, payment: RecordedPayment, refundedCents: number): Promise<void> {
  await putPayment(tx, payment, refundedCents === 0 ? 'cancelled' : 'refunded', '');
  if (refundedCents === 0) return;
  await tx.query(
    `${insertEntry} on conflict (saga_uid, step, kind) do nothing`,
    entryValues(payment, 'captured', refundedCents),
  );
  await addEntry(tx, payment, 'refunded', refundedCents);
}

async function putPayment(
  tx: Tx,
  payment: RecordedPayment,
  status: PaymentStatus,
  reason: string,
): Promise<void> {
  await tx.query(
    `insert into payments (payment_id, saga_uid, step, order_id, amount_cents, currency, status, reason)
     values ($1, $2::uuid, $3, $4, $5, $6, $7, $8)
     on conflict (payment_id) do update
       set status = excluded.status, reason = excluded.reason, updated_at = now()`,
    [
      payment.paymentId,
      payment.sagaUid,
      payment.step,
      payment.orderId,
      payment.amountCents,
      payment.currency,
      status,
      reason,
    ],
  );
}

const insertEntry = `
  insert into payment_ledger (saga_uid, step, order_id, payment_id, kind, amount_cents, currency)
  values ($1::uuid, $2, $3, $4, $5, $6, $7)`;

/** A second entry of a kind breaks the unique key: the last fence, below the one that should have stopped it. */
async function addEntry(
  tx: Tx,
  payment: RecordedPayment,
  kind: 'captured' | 'refunded',
  amountCents: number,
): Promise<void> {
  await tx.query(insertEntry, entryValues(payment, kind, amountCents));
}

function entryValues(payment: RecordedPayment, kind: string, amountCents: number) {
  const { sagaUid, step, orderId, paymentId, currency } = payment;
  return [sagaUid, step, orderId, paymentId, kind, amountCents, currency] as const;
}

export interface PaymentView {
  readonly paymentId: string;
  readonly sagaUid: string;
  readonly step: string;
  readonly status: PaymentStatus;
  readonly reason: string;
  readonly amountCents: number;
  readonly currency: string;
}

export interface LedgerEntryView {
  readonly paymentId: string;
  readonly sagaUid: string;
  readonly kind: 'captured' | 'refunded';
  readonly amountCents: number;
  readonly currency: string;
  readonly at: Date;
}

export async function paymentsOfOrder(tx: Tx, orderId: string): Promise<readonly PaymentView[]> {
  const { rows } = await tx.query<PaymentView>(
    `select payment_id as "paymentId", saga_uid as "sagaUid", step, status, reason,
            amount_cents as "amountCents", currency
       from payments where order_id = $1 order by created_at, payment_id`,
    [orderId],
  );
  return rows;
}

export async function ledgerOfOrder(tx: Tx, orderId: string): Promise<readonly LedgerEntryView[]> {
  const { rows } = await tx.query<LedgerEntryView>(
    `select payment_id as "paymentId", saga_uid as "sagaUid", kind,
            amount_cents as "amountCents", currency, at
       from payment_ledger where order_id = $1 order by entry`,
    [orderId],
  );
  return rows;
}
