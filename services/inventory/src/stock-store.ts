import type { Tx } from '@sagamesh/kit/db';
import { z } from 'zod';
import type { StockLevel, StockLine } from './stock-decisions.ts';

/**
 * The SQL of stock levels and movements. A level is never written without its movement: each function that changes `stock` says so in the
 * ledger in the same transaction. Locks are taken in SKU order.
 */

const levelSchema = z.object({
  sku: z.string(),
  available: z.int(),
  reserved: z.int(),
  sold: z.int(),
});

const skusOf = (lines: readonly StockLine[]): readonly string[] => lines.map(({ sku }) => sku);
const quantitiesOf = (lines: readonly StockLine[]): readonly number[] =>
  lines.map(({ quantity }) => quantity);

export async function lockStock(tx: Tx, skus: readonly string[]): Promise<ReadonlyMap<string, StockLevel>> {
  const { rows } = await tx.query(
    `select sku, available, reserved, sold from stock
     where sku = any($1::text[]) order by sku collate "C" for update`,
    [skus],
  );
  return new Map(rows.map((row) => levelSchema.parse(row)).map((level) => [level.sku, level]));
}

/** The three moves of a saga: which counter each takes from and gives to. */
const moves = {
  reserved: 'available = s.available - l.quantity, reserved = s.reserved + l.quantity',
  released: 'available = s.available + l.quantity, reserved = s.reserved - l.quantity',
  sold: 'reserved = s.reserved - l.quantity, sold = s.sold + l.quantity',
} as const;

export interface Move {
  readonly kind: keyof typeof moves;
  readonly sagaUid: string;
  readonly orderId: string;
  readonly lines: readonly StockLine[];
}

/** Moves stock for a saga and writes the ledger. The rows are locked already; CHECK and UNIQUE constraints are the last fence. */
export async function moveStock(tx: Tx, { kind, sagaUid, orderId, lines }: Move): Promise<void> {
  await tx.query(
    `update stock s set ${moves[kind]}, updated_at = now()
     from unnest($1::text[], $2::bigint[]) as l (sku, quantity) where s.sku = l.sku`,
    [skusOf(lines), quantitiesOf(lines)],
  );
  await tx.query(
    `insert into movements (kind, saga_uid, order_id, sku, quantity)
     select $1, $2, $3, l.sku, l.quantity from unnest($4::text[], $5::bigint[]) as l (sku, quantity)`,
    [kind, sagaUid, orderId, skusOf(lines), quantitiesOf(lines)],
  );
}

/** Adds to `available`. Undefined when the SKU is not in the catalogue. */
export async function restock(tx: Tx, sku: string, quantity: number): Promise<StockLevel | undefined> {
  const { rows } = await tx.query(
    `update stock set available = available + $2, updated_at = now() where sku = $1
     returning sku, available, reserved, sold`,
    [sku, quantity],
  );
  if (rows[0] === undefined) return undefined;
  await tx.query(`insert into movements (kind, sku, quantity) values ('restocked', $1, $2)`, [sku, quantity]);
  return levelSchema.parse(rows[0]);
}

/** Fills an empty catalogue; one that has any SKU is left alone. Returns how many SKUs were written. */
export async function seedStock(tx: Tx, lines: readonly StockLine[]): Promise<number> {
  const { rowCount } = await tx.query(
    `with seeded as (
       insert into stock (sku, available)
       select * from unnest($1::text[], $2::bigint[]) where not exists (select 1 from stock)
       on conflict (sku) do nothing returning sku, available
     )
     insert into movements (kind, sku, quantity) select 'initial', sku, available from seeded`,
    [skusOf(lines), quantitiesOf(lines)],
  );
  return rowCount;
}

const viewSchema = levelSchema.extend({ demanded: z.int() });
/** `demanded`: pieces asked for in all orders that came in over HTTP, whatever became of them. */
export type StockView = z.infer<typeof viewSchema>;

const viewQuery = `select s.sku, s.available, s.reserved, s.sold, coalesce(d.demanded, 0)::bigint as demanded
  from stock s left join demand d on d.sku = s.sku`;

export async function findStock(tx: Tx, sku: string): Promise<StockView | undefined> {
  const { rows } = await tx.query(`${viewQuery} where s.sku = $1`, [sku]);
  return rows[0] === undefined ? undefined : viewSchema.parse(rows[0]);
}

/** In SKU order, those after `after`. */
export async function listStock(tx: Tx, after: string | null, limit: number): Promise<readonly StockView[]> {
  const { rows } = await tx.query(
    `${viewQuery} where $1::text is null or s.sku collate "C" > $1 order by s.sku collate "C" limit $2`,
    [after, limit],
  );
  return rows.map((row) => viewSchema.parse(row));
}

/** Counts demand; a SKU that is not in the catalogue counts too. Lines are in SKU order, so two events cannot deadlock. */
export async function addDemand(tx: Tx, lines: readonly StockLine[]): Promise<void> {
  await tx.query(
    `insert into demand (sku, demanded)
     select l.sku, l.quantity from unnest($1::text[], $2::bigint[]) as l (sku, quantity) order by l.sku collate "C"
     on conflict (sku) do update set demanded = demand.demanded + excluded.demanded`,
    [skusOf(lines), quantitiesOf(lines)],
  );
}
