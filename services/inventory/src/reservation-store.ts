import type { Tx } from '@sagamesh/kit/db';
import { z } from 'zod';
import type { ReservationState, StockLine } from './stock-decisions.ts';

/** The SQL of reservations: one row per saga. What it holds is in the ledger (its `reserved` movements). */

/** False when this saga has a reservation already. */
export async function insertReservation(
  tx: Tx,
  reservation: { readonly sagaUid: string; readonly id: string; readonly orderId: string },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into reservations (saga_uid, id, order_id, state) values ($1, $2, $3, 'reserved')
     on conflict (saga_uid) do nothing`,
    [reservation.sagaUid, reservation.id, reservation.orderId],
  );
  return rowCount === 1;
}

const stateSchema = z.object({ state: z.enum(['reserved', 'released', 'sold']) });

export async function lockReservation(tx: Tx, sagaUid: string): Promise<ReservationState | undefined> {
  const { rows } = await tx.query(`select state from reservations where saga_uid = $1 for update`, [sagaUid]);
  return rows[0] === undefined ? undefined : stateSchema.parse(rows[0]).state;
}

const lineSchema = z.object({ sku: z.string(), quantity: z.int() });

/** Answers what the reservation held, from the ledger: one line per SKU, in SKU order. */
export async function endReservation(
  tx: Tx,
  sagaUid: string,
  state: 'released' | 'sold',
): Promise<readonly StockLine[]> {
  await tx.query(`update reservations set state = $2, updated_at = now() where saga_uid = $1`, [
    sagaUid,
    state,
  ]);
  const { rows } = await tx.query(
    `select sku, quantity from movements where saga_uid = $1 and kind = 'reserved' order by sku collate "C"`,
    [sagaUid],
  );
  return rows.map((row) => lineSchema.parse(row));
}
