import { orderColumns } from '@sagamesh/service-order/order-record';
import { MemoryTable, UniqueIndex } from './memory-table.ts';
import { check, raised } from './sql-failure.ts';
import {
  changed,
  jsonOf,
  jsonOrNull,
  numberOf,
  numberOrNull,
  numbersOf,
  rowOf,
  rowsOf,
  textOf,
  textOrNull,
  textsOf,
  uuidOf,
  uuidOrNull,
  type Answer,
  type Params,
  type Statement,
  type Storage,
} from './statement.ts';

/** `orders` with the trigger guard_order (services/order/src/order-migrations.ts, order-store.ts). */

export interface OrderTableRow {
  readonly number: number;
  readonly id: string;
  readonly customer_id: string;
  readonly currency: string;
  readonly items: unknown;
  readonly payment_method: string;
  readonly contact: unknown;
  readonly total_cents: number;
  readonly state: string;
  readonly saga_uid: string | null;
  readonly source_event_id: string | null;
  readonly cancel_reason: string | null;
  readonly announce_at: Date | null;
  readonly announcements: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** One committed change of an order. */
export interface OrderTableChange {
  readonly atMillis: number;
  readonly before: OrderTableRow | undefined;
  readonly after: OrderTableRow;
}

const states = new Set(['PENDING', 'CONFIRMED', 'CANCELLED']);

function guardOrder(row: OrderTableRow, before: OrderTableRow | undefined): void {
  if (before !== undefined && before.state !== 'PENDING' && row.state !== before.state)
    throw raised(`order ${before.id} has ended as ${before.state} and cannot become ${row.state}`);
  if (before !== undefined && before.saga_uid !== null && row.saga_uid !== before.saga_uid)
    throw raised(`order ${before.id} is claimed by saga ${before.saga_uid}`);
  check(row.total_cents > 0, 'orders_total_cents_check');
  check(states.has(row.state), 'orders_state_check');
  check(row.state !== 'CONFIRMED' || row.saga_uid !== null, 'orders_check');
  check((row.state === 'CANCELLED') === (row.cancel_reason !== null), 'orders_check1');
  check(row.announce_at === null || (row.state === 'PENDING' && row.saga_uid === null), 'orders_check2');
}

function createOrders(storage: Storage) {
  const byEvent = new UniqueIndex<OrderTableRow>(
    'orders_source_event_id_key',
    (row) => row.source_event_id ?? undefined,
  );
  const rows = new MemoryTable<OrderTableRow>({
    log: storage.log,
    primaryKey: 'orders_pkey',
    indexes: [byEvent],
    guard: guardOrder,
  });
  return { rows, byEvent };
}

type Orders = ReturnType<typeof createOrders>;

/** `now() + $n * interval '1 millisecond'` */
const afterMillis = (storage: Storage, millis: number | null): Date | null =>
  millis === null ? null : new Date(storage.now().getTime() + millis);

function insertStatement(storage: Storage, { rows, byEvent }: Orders): Statement {
  let lastNumber = 0;
  return {
    text: `insert into orders (id, customer_id, currency, items, payment_method, contact, total_cents, state, saga_uid,
        source_event_id, announce_at)
      values ($1, $2, $3, $4::jsonb, $5, $6::jsonb, $7, 'PENDING', $8, $9,
        now() + $10 * interval '1 millisecond')
      on conflict do nothing returning ${orderColumns}`,
    run: (params) => {
      lastNumber += 1;
      const id = textOf(params, 1);
      const event = textOrNull(params, 9);
      if (rows.get(id) !== undefined || (event !== null && byEvent.keyOf(event) !== undefined))
        return rowsOf([]);
      const row: OrderTableRow = {
        number: lastNumber,
        id,
        customer_id: textOf(params, 2),
        currency: textOf(params, 3),
        items: jsonOf(params, 4),
        payment_method: textOf(params, 5),
        contact: jsonOrNull(params, 6),
        total_cents: numberOf(params, 7),
        state: 'PENDING',
        saga_uid: uuidOrNull(params, 8),
        source_event_id: event,
        cancel_reason: null,
        announce_at: afterMillis(storage, numberOrNull(params, 10)),
        announcements: 0,
        created_at: storage.now(),
        updated_at: storage.now(),
      };
      rows.insert(id, row);
      return rowOf(row);
    },
  };
}

/** The three changes of an order: what their WHERE asks for, and what they set. */
function changeStatements(storage: Storage, { rows }: Orders): readonly Statement[] {
  const change =
    (
      fits: (row: OrderTableRow, params: Params) => boolean,
      set: (params: Params) => Partial<OrderTableRow>,
    ) =>
    (params: Params): Answer => {
      const row = rows.get(textOf(params, 1));
      if (row === undefined || row.state !== 'PENDING' || !fits(row, params)) return changed(0);
      rows.replace(row.id, { ...row, ...set(params), updated_at: storage.now() });
      return changed(1);
    };
  return [
    {
      text: `update orders set saga_uid = $2, announce_at = null, updated_at = now()
        where id = $1 and saga_uid is null and state = 'PENDING'`,
      run: change(
        (row) => row.saga_uid === null,
        (params) => ({ saga_uid: uuidOf(params, 2), announce_at: null }),
      ),
    },
    {
      text: `update orders set state = 'CONFIRMED', updated_at = now()
        where id = $1 and saga_uid = $2 and state = 'PENDING'`,
      run: change(
        (row, params) => row.saga_uid === uuidOf(params, 2),
        () => ({ state: 'CONFIRMED' }),
      ),
    },
    {
      text: `update orders set state = 'CANCELLED', cancel_reason = $2, announce_at = null, updated_at = now()
        where id = $1 and state = 'PENDING'`,
      run: change(
        () => true,
        (params) => ({ state: 'CANCELLED', cancel_reason: textOf(params, 2), announce_at: null }),
      ),
    },
    {
      text: `update orders set announcements = announcements + 1, announce_at = now() + $2 * interval '1 millisecond'
        where id = $1`,
      run: (params) => {
        const row = rows.get(textOf(params, 1));
        if (row === undefined) return changed(0);
        const announceAt = afterMillis(storage, numberOf(params, 2));
        rows.replace(row.id, {
          ...row,
          announcements: row.announcements + 1,
          announce_at: announceAt,
        });
        return changed(1);
      },
    },
  ];
}

function readStatements(storage: Storage, { rows, byEvent }: Orders): readonly Statement[] {
  return [
    {
      text: `select ${orderColumns} from orders where id = $1 for update`,
      run: (params) => rowOf(rows.get(textOf(params, 1))),
    },
    {
      text: `select ${orderColumns} from orders where id = $1`,
      run: (params) => rowOf(rows.get(textOf(params, 1))),
    },
    {
      text: 'select id from orders where source_event_id = $1',
      run: (params) => {
        const id = byEvent.keyOf(textOf(params, 1));
        return rowOf(id === undefined ? undefined : { id });
      },
    },
    {
      text: `select ${orderColumns}, announcements from orders
        where state = 'PENDING' and saga_uid is null and announce_at <= now()
        order by announce_at, number limit $1 for update skip locked`,
      run: (params) => {
        const now = storage.now().getTime();
        const atMillis = (row: OrderTableRow) => row.announce_at?.getTime() ?? Infinity;
        const due = [...rows.values()]
          .filter((row) => row.state === 'PENDING' && row.saga_uid === null && atMillis(row) <= now)
          .toSorted((a, b) => atMillis(a) - atMillis(b) || a.number - b.number);
        return rowsOf(due.slice(0, numberOf(params, 1)));
      },
    },
  ];
}

export function ordersTable(storage: Storage) {
  const orders = createOrders(storage);
  const statements: readonly Statement[] = [
    insertStatement(storage, orders),
    ...changeStatements(storage, orders),
    ...readStatements(storage, orders),
  ];
  const history: OrderTableChange[] = [];
  storage.onCommit((atMillis) => {
    for (const { before, after } of orders.rows.changes())
      if (after !== undefined) history.push({ atMillis, before, after });
  });
  return { rows: orders.rows, history, statements };
}

export interface PriceTableRow {
  readonly sku: string;
  readonly currency: string;
  readonly unit_price_cents: number;
}

export function priceListTable(storage: Storage) {
  const rows = new MemoryTable<PriceTableRow>({
    log: storage.log,
    primaryKey: 'price_list_pkey',
    guard: (row) => {
      check(/^[A-Z]{3}$/.test(row.currency), 'price_list_currency_check');
      check(row.unit_price_cents > 0, 'price_list_unit_price_cents_check');
    },
  });
  const statements: readonly Statement[] = [
    {
      text: 'select sku, currency, unit_price_cents from price_list where sku = any($1::text[])',
      run: (params) => rowsOf([...new Set(textsOf(params, 1))].flatMap((sku) => rows.get(sku) ?? [])),
    },
    {
      text: `insert into price_list (sku, currency, unit_price_cents)
        select * from unnest($1::text[], $2::text[], $3::bigint[])
        where not exists (select 1 from price_list) on conflict (sku) do nothing`,
      run: (params) => {
        if (rows.size > 0) return changed(0);
        const currencies = textsOf(params, 2);
        const prices = numbersOf(params, 3);
        textsOf(params, 1).forEach((sku, index) => {
          if (rows.get(sku) !== undefined) return;
          rows.insert(sku, {
            sku,
            currency: currencies[index] ?? '',
            unit_price_cents: prices[index] ?? 0,
          });
        });
        return changed(rows.size);
      },
    },
  ];
  return { rows, statements };
}
