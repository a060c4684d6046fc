import { GroupIndex, MemoryTable, UniqueIndex } from './memory-table.ts';
import { check, reference } from './sql-failure.ts';
import {
  bySku,
  changed,
  linesOf,
  numberOf,
  numberOrNull,
  rowOf,
  rowsOf,
  textOf,
  textOrNull,
  textsOf,
  uuidOf,
  type Params,
  type Statement,
  type Storage,
} from './statement.ts';

/** `stock`, `movements`, `reservations` and `demand` (services/inventory/src/inventory-migrations.ts, stock-store.ts, reservation-store.ts). */

export interface StockRow {
  readonly sku: string;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
  readonly updated_at: Date;
}

export interface ReservationRow {
  readonly saga_uid: string;
  readonly id: string;
  readonly order_id: string;
  readonly state: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface MovementRow {
  readonly id: number;
  readonly kind: string;
  readonly sku: string;
  readonly quantity: number;
  readonly saga_uid: string | null;
  readonly order_id: string | null;
  readonly at: Date;
}

export interface DemandRow {
  readonly sku: string;
  readonly demanded: number;
}

const movementKinds = new Set(['initial', 'restocked', 'reserved', 'released', 'sold']);
const reservationStates = new Set(['reserved', 'released', 'sold']);
const sagaOf = (row: MovementRow) => row.saga_uid ?? undefined;

function createStock(storage: Storage) {
  const stock = new MemoryTable<StockRow>({
    log: storage.log,
    primaryKey: 'stock_pkey',
    guard: (row) => {
      check(row.available >= 0, 'stock_available_check');
      check(row.reserved >= 0, 'stock_reserved_check');
      check(row.sold >= 0, 'stock_sold_check');
    },
  });
  const reservations = new MemoryTable<ReservationRow>({
    log: storage.log,
    primaryKey: 'reservations_pkey',
    indexes: [new UniqueIndex('reservations_id_key', (row) => row.id)],
    guard: (row) => check(reservationStates.has(row.state), 'reservations_state_check'),
  });
  const movementsOfSaga = new GroupIndex<MovementRow>(sagaOf);
  const ends = (row: MovementRow) => row.kind === 'released' || row.kind === 'sold';
  const movements = new MemoryTable<MovementRow>({
    log: storage.log,
    primaryKey: 'movements_pkey',
    indexes: [
      movementsOfSaga,
      new UniqueIndex('movements_saga_uid_kind_sku_key', (row) =>
        row.saga_uid === null ? undefined : `${row.saga_uid} ${row.kind} ${row.sku}`,
      ),
      new UniqueIndex('movements_one_initial', (row) => (row.kind === 'initial' ? row.sku : undefined)),
      new UniqueIndex('movements_one_end', (row) =>
        ends(row) ? `${String(row.saga_uid)} ${row.sku}` : undefined,
      ),
    ],
    guard: (row) => {
      const isSupply = row.kind === 'initial' || row.kind === 'restocked';
      check(movementKinds.has(row.kind), 'movements_kind_check');
      check(row.quantity > 0 || (row.kind === 'initial' && row.quantity === 0), 'movements_check');
      check((row.saga_uid === null) === isSupply, 'movements_check1');
      check((row.saga_uid === null) === (row.order_id === null), 'movements_check2');
      reference(stock.get(row.sku) !== undefined, 'movements_sku_fkey');
      reference(
        row.saga_uid === null || reservations.get(row.saga_uid) !== undefined,
        'movements_saga_uid_fkey',
      );
    },
  });
  let lastMovement = 0;
  const move = (row: Omit<MovementRow, 'id' | 'at'>) => {
    lastMovement += 1;
    movements.insert(String(lastMovement), { id: lastMovement, ...row, at: storage.now() });
  };
  return { stock, reservations, movements, movementsOfSaga, move };
}

type Stock = ReturnType<typeof createStock>;

const levelOf = ({ sku, available, reserved, sold }: StockRow) => ({ sku, available, reserved, sold });

/** What each move of a saga takes and gives, per piece. */
const moves = {
  'available = s.available - l.quantity, reserved = s.reserved + l.quantity': [-1, 1, 0],
  'available = s.available + l.quantity, reserved = s.reserved - l.quantity': [1, -1, 0],
  'reserved = s.reserved - l.quantity, sold = s.sold + l.quantity': [0, -1, 1],
} as const;

function moveStatements(storage: Storage, { stock, move }: Stock): readonly Statement[] {
  const levels = Object.entries(moves).map(([set, [available, reserved, sold]]): Statement => ({
    text: `update stock s set ${set}, updated_at = now()
      from unnest($1::text[], $2::bigint[]) as l (sku, quantity) where s.sku = l.sku`,
    run: (params) => {
      let count = 0;
      for (const { sku, quantity } of linesOf(params, 1, 2)) {
        const row = stock.get(sku);
        if (row === undefined) continue;
        stock.replace(sku, {
          sku,
          available: row.available + available * quantity,
          reserved: row.reserved + reserved * quantity,
          sold: row.sold + sold * quantity,
          updated_at: storage.now(),
        });
        count += 1;
      }
      return changed(count);
    },
  }));
  const ledger: Statement = {
    text: `insert into movements (kind, saga_uid, order_id, sku, quantity)
      select $1, $2, $3, l.sku, l.quantity from unnest($4::text[], $5::bigint[]) as l (sku, quantity)`,
    run: (params) => {
      const lines = linesOf(params, 4, 5);
      const of = { kind: textOf(params, 1), saga_uid: uuidOf(params, 2), order_id: textOf(params, 3) };
      for (const { sku, quantity } of lines) move({ ...of, sku, quantity });
      return changed(lines.length);
    },
  };
  return [...levels, ledger];
}

/** Seeding, restocking and reading. */
function levelStatements(storage: Storage, { stock, move }: Stock): readonly Statement[] {
  const supply = (kind: string, sku: string, quantity: number) =>
    move({ kind, sku, quantity, saga_uid: null, order_id: null });
  return [
    {
      text: `select sku, available, reserved, sold from stock
        where sku = any($1::text[]) order by sku collate "C" for update`,
      run: (params) => {
        const found = [...new Set(textsOf(params, 1))].flatMap((sku) => stock.get(sku) ?? []);
        return rowsOf(found.map(levelOf).toSorted(bySku));
      },
    },
    {
      text: `update stock set available = available + $2, updated_at = now() where sku = $1
        returning sku, available, reserved, sold`,
      run: (params) => {
        const row = stock.get(textOf(params, 1));
        if (row === undefined) return rowsOf([]);
        const available = row.available + numberOf(params, 2);
        stock.replace(row.sku, { ...row, available, updated_at: storage.now() });
        return rowOf(levelOf({ ...row, available }));
      },
    },
    {
      text: `insert into movements (kind, sku, quantity) values ('restocked', $1, $2)`,
      run: (params) => {
        supply('restocked', textOf(params, 1), numberOf(params, 2));
        return changed(1);
      },
    },
    {
      text: `with seeded as (
          insert into stock (sku, available)
          select * from unnest($1::text[], $2::bigint[]) where not exists (select 1 from stock)
          on conflict (sku) do nothing returning sku, available
        )
        insert into movements (kind, sku, quantity) select 'initial', sku, available from seeded`,
      run: (params) => {
        if (stock.size > 0) return changed(0);
        for (const { sku, quantity } of linesOf(params, 1, 2)) {
          if (stock.get(sku) !== undefined) continue;
          stock.insert(sku, { sku, available: quantity, reserved: 0, sold: 0, updated_at: storage.now() });
          supply('initial', sku, quantity);
        }
        return changed(stock.size);
      },
    },
  ];
}

function reservationStatements(
  storage: Storage,
  { reservations, movementsOfSaga }: Stock,
): readonly Statement[] {
  return [
    {
      text: `insert into reservations (saga_uid, id, order_id, state) values ($1, $2, $3, 'reserved')
        on conflict (saga_uid) do nothing`,
      run: (params) => {
        const sagaUid = uuidOf(params, 1);
        if (reservations.get(sagaUid) !== undefined) return changed(0);
        reservations.insert(sagaUid, {
          saga_uid: sagaUid,
          id: textOf(params, 2),
          order_id: textOf(params, 3),
          state: 'reserved',
          created_at: storage.now(),
          updated_at: storage.now(),
        });
        return changed(1);
      },
    },
    {
      text: 'select state from reservations where saga_uid = $1 for update',
      run: (params) => {
        const row = reservations.get(uuidOf(params, 1));
        return rowOf(row && { state: row.state });
      },
    },
    {
      text: 'update reservations set state = $2, updated_at = now() where saga_uid = $1',
      run: (params) => {
        const row = reservations.get(uuidOf(params, 1));
        if (row === undefined) return changed(0);
        const moved = { state: textOf(params, 2), updated_at: storage.now() };
        reservations.replace(row.saga_uid, { ...row, ...moved });
        return changed(1);
      },
    },
    {
      text: `select sku, quantity from movements where saga_uid = $1 and kind = 'reserved' order by sku collate "C"`,
      run: (params) => {
        const held = movementsOfSaga.of(uuidOf(params, 1)).filter(({ kind }) => kind === 'reserved');
        return rowsOf(held.map(({ sku, quantity }) => ({ sku, quantity })).toSorted(bySku));
      },
    },
  ];
}

function demandTable(storage: Storage, { stock }: Stock) {
  const rows = new MemoryTable<DemandRow>({
    log: storage.log,
    primaryKey: 'demand_pkey',
    guard: (row) => check(row.demanded >= 0, 'demand_demanded_check'),
  });
  const viewOf = (row: StockRow) => ({ ...levelOf(row), demanded: rows.get(row.sku)?.demanded ?? 0 });
  const view = `select s.sku, s.available, s.reserved, s.sold, coalesce(d.demanded, 0)::bigint as demanded
    from stock s left join demand d on d.sku = s.sku`;
  const after = (params: Params) => {
    const last = textOrNull(params, 1);
    const page = [...stock.values()].filter(({ sku }) => last === null || sku > last).toSorted(bySku);
    return page.slice(0, numberOrNull(params, 2) ?? undefined);
  };
  const statements: readonly Statement[] = [
    {
      text: `insert into demand (sku, demanded)
        select l.sku, l.quantity from unnest($1::text[], $2::bigint[]) as l (sku, quantity) order by l.sku collate "C"
        on conflict (sku) do update set demanded = demand.demanded + excluded.demanded`,
      run: (params) => {
        const lines = linesOf(params, 1, 2);
        for (const { sku, quantity } of lines) {
          const row = rows.get(sku);
          if (row === undefined) rows.insert(sku, { sku, demanded: quantity });
          else rows.replace(sku, { sku, demanded: row.demanded + quantity });
        }
        return changed(lines.length);
      },
    },
    {
      text: `${view} where s.sku = $1`,
      run: (params) => {
        const row = stock.get(textOf(params, 1));
        return rowOf(row && viewOf(row));
      },
    },
    {
      text: `${view} where $1::text is null or s.sku collate "C" > $1 order by s.sku collate "C" limit $2`,
      run: (params) => rowsOf(after(params).map(viewOf)),
    },
  ];
  return { rows, statements };
}

export function stockTables(storage: Storage) {
  const tables = createStock(storage);
  const demand = demandTable(storage, tables);
  const statements: readonly Statement[] = [
    ...moveStatements(storage, tables),
    ...levelStatements(storage, tables),
    ...reservationStatements(storage, tables),
    ...demand.statements,
  ];
  const { stock, reservations, movements } = tables;
  return { stock, reservations, movements, demand: demand.rows, statements };
}
