import { type Order, orderTotalCents } from '@sagamesh/contracts/order';
import type { Tx } from '@sagamesh/kit/db';
import { RetryableError } from '@sagamesh/runtime/errors';
import { z } from 'zod';
import { orderColumns, orderFromRow, type OrderRecord } from './order-record.ts';
import { type ListPrice, type PriceList, seedPrices } from './pricing.ts';

/**
 * The SQL of orders and price list. Every function runs in the caller's transaction. When an order is announced again is for the database's
 * clock alone to say: replicas share it, and a process whose own clock is wrong cannot keep an order waiting.
 */

interface NewOrder {
  readonly order: Order;
  /** Null for an order that came in over HTTP and waits for its saga. */
  readonly sagaUid: string | null;
  /** How long until `order.created` is said again if no saga has claimed it; null for an order that has one. */
  readonly announceAfterMillis: number | null;
}

/** Undefined when the id or the source event is taken; the row that took it is committed then, so the next statement sees it. */
export async function insertOrder(
  tx: Tx,
  { order, sagaUid, announceAfterMillis }: NewOrder,
): Promise<OrderRecord | undefined> {
  const { rows } = await tx.query(
    `insert into orders (id, customer_id, currency, items, payment_method, contact, total_cents, state, saga_uid,
                         source_event_id, announce_at)
     values ($1, $2, $3, $4::jsonb, $5, $6::jsonb, $7, 'PENDING', $8, $9,
             now() + $10 * interval '1 millisecond')
     on conflict do nothing
     returning ${orderColumns}`,
    [
      order.id,
      order.customerId,
      order.currency,
      JSON.stringify(order.items),
      order.paymentMethod,
      order.contact === undefined ? null : JSON.stringify(order.contact),
      orderTotalCents(order),
      sagaUid,
      order.sourceEventId ?? null,
      announceAfterMillis,
    ],
  );
  return rows[0] === undefined ? undefined : orderFromRow(rows[0]);
}

/** Reads and locks: whoever decides about an order holds its row until the commit. */
export async function lockOrder(tx: Tx, orderId: string): Promise<OrderRecord | undefined> {
  const { rows } = await tx.query(`select ${orderColumns} from orders where id = $1 for update`, [orderId]);
  return rows[0] === undefined ? undefined : orderFromRow(rows[0]);
}

/*
 * The three changes below are decided under the row's lock. Their WHERE says the same again: if a decision was made without the lock, they
 * change nothing and throw, and the transaction is rolled back.
 */

export async function claimOrder(tx: Tx, orderId: string, sagaUid: string): Promise<void> {
  await changeOne(
    tx,
    `update orders set saga_uid = $2, announce_at = null, updated_at = now()
     where id = $1 and saga_uid is null and state = 'PENDING'`,
    [orderId, sagaUid],
  );
}

export async function confirmOrder(tx: Tx, orderId: string, sagaUid: string): Promise<void> {
  await changeOne(
    tx,
    `update orders set state = 'CONFIRMED', updated_at = now()
     where id = $1 and saga_uid = $2 and state = 'PENDING'`,
    [orderId, sagaUid],
  );
}

export async function cancelOrder(tx: Tx, orderId: string, reason: string): Promise<void> {
  await changeOne(
    tx,
    `update orders set state = 'CANCELLED', cancel_reason = $2, announce_at = null, updated_at = now()
     where id = $1 and state = 'PENDING'`,
    [orderId, reason],
  );
}

async function changeOne(
  tx: Tx,
  text: string,
  params: readonly [orderId: string, value: string],
): Promise<void> {
  const { rowCount } = await tx.query(text, params);
  if (rowCount !== 1) throw new RetryableError(`order ${params[0]} was changed by somebody else just now`);
}

export async function findOrder(tx: Tx, orderId: string): Promise<OrderRecord | undefined> {
  const { rows } = await tx.query(`select ${orderColumns} from orders where id = $1`, [orderId]);
  return rows[0] === undefined ? undefined : orderFromRow(rows[0]);
}

/** Which order an event announced; undefined for an event that announced none. */
export async function orderOfEvent(tx: Tx, sourceEventId: string): Promise<string | undefined> {
  const { rows } = await tx.query<{ readonly id: string }>(
    'select id from orders where source_event_id = $1',
    [sourceEventId],
  );
  return rows[0]?.id;
}

export interface OrderPage {
  /** Null: of every customer. */
  readonly customerId: string | null;
  /** Orders with a smaller number than this, newest first; null: from the newest. */
  readonly before: number | null;
  readonly limit: number;
}

export async function listOrders(
  tx: Tx,
  { customerId, before, limit }: OrderPage,
): Promise<readonly OrderRecord[]> {
  const { rows } = await tx.query(
    `select ${orderColumns} from orders
     where ($1::text is null or customer_id = $1) and ($2::bigint is null or number < $2)
     order by number desc limit $3`,
    [customerId, before, limit],
  );
  return rows.map(orderFromRow);
}

/** Unclaimed PENDING orders whose turn has come, locked; rows that another replica holds are left to it. */
export async function lockDueAnnouncements(
  tx: Tx,
  limit: number,
): Promise<readonly { readonly record: OrderRecord; readonly announcements: number }[]> {
  const { rows } = await tx.query<{ readonly announcements: number }>(
    `select ${orderColumns}, announcements from orders
     where state = 'PENDING' and saga_uid is null and announce_at <= now()
     order by announce_at, number limit $1 for update skip locked`,
    [limit],
  );
  return rows.map((row) => ({ record: orderFromRow(row), announcements: row.announcements }));
}

export async function noteAnnouncement(tx: Tx, orderId: string, nextAfterMillis: number): Promise<void> {
  await tx.query(
    `update orders set announcements = announcements + 1, announce_at = now() + $2 * interval '1 millisecond'
     where id = $1`,
    [orderId, nextAfterMillis],
  );
}

const priceRowSchema = z.object({ sku: z.string(), currency: z.string(), unit_price_cents: z.int() });

export async function findPrices(tx: Tx, skus: readonly string[]): Promise<PriceList> {
  const { rows } = await tx.query(
    `select sku, currency, unit_price_cents from price_list where sku = any($1::text[])`,
    [skus],
  );
  return new Map(
    rows.map((row): readonly [string, ListPrice] => {
      const { sku, currency, unit_price_cents: unitPriceCents } = priceRowSchema.parse(row);
      return [sku, { sku, currency, unitPriceCents }];
    }),
  );
}

/** Fills an empty price list; one that has any price is left alone. Returns how many were written. */
export async function seedPriceList(tx: Tx, prices: readonly ListPrice[] = seedPrices): Promise<number> {
  const { rowCount } = await tx.query(
    `insert into price_list (sku, currency, unit_price_cents)
     select * from unnest($1::text[], $2::text[], $3::bigint[])
     where not exists (select 1 from price_list)
     on conflict (sku) do nothing`,
    [
      prices.map(({ sku }) => sku),
      prices.map(({ currency }) => currency),
      prices.map(({ unitPriceCents }) => unitPriceCents),
    ],
  );
  return rowCount;
}
