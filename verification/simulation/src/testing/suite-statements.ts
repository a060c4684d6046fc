import type { MemoryEngine } from '../fakes/database-memory.ts';
import type { InventoryEngine } from '../fakes/service-databases.ts';
import { MemoryTable } from '../fakes/tables/memory-table.ts';
import { raised, SqlFailure } from '../fakes/tables/sql-failure.ts';
import {
  changed,
  dateOf,
  jsonOf,
  numberOf,
  numbersOf,
  rowOf,
  rowsOf,
  textOf,
  textOrNull,
  textsOf,
  uuidOf,
  type Statement,
  type Storage,
} from '../fakes/tables/statement.ts';

/** What the suites of the real databases send besides what services send. */

type AnyEngine = MemoryEngine<{ readonly statements: readonly Statement[] }>;

/** services/kit/src/testing/db.behaviour.ts */
export function noteStatements(storage: Storage): readonly Statement[] {
  interface Note {
    readonly id: number;
    readonly body: string | null;
    readonly tags?: readonly string[];
    readonly data?: unknown;
    readonly at?: Date;
  }
  const rows = new MemoryTable<Note>({ log: storage.log, primaryKey: 'note_pkey' });
  const one = { one: 1 };
  return [
    {
      text: 'create table note(id bigint primary key, body text, tags text[], data jsonb, at timestamptz)',
      run: () => changed(0),
    },
    {
      text: 'insert into note(id, body) values ($1, $2)',
      run: (params) => {
        rows.insert(String(params[0]), { id: numberOf(params, 1), body: textOf(params, 2) });
        return changed(1);
      },
    },
    {
      text: 'insert into note(id, body, tags, data, at) values ($1, $2, $3::text[], $4::jsonb, $5) returning *',
      run: (params) => {
        const note = {
          id: numberOf(params, 1),
          body: textOf(params, 2),
          tags: textsOf(params, 3),
          data: jsonOf(params, 4),
          at: dateOf(params, 5),
        };
        rows.insert(String(note.id), note);
        return rowOf(note);
      },
    },
    {
      text: 'select count(*) as notes from note where id = $1',
      run: (params) => rowOf({ notes: rows.get(String(params[0])) === undefined ? 0 : 1 }),
    },
    {
      text: 'update note set body = $2 where id = $1',
      run: (params) => {
        const note = rows.get(String(params[0]));
        if (note !== undefined) rows.replace(String(note.id), { ...note, body: textOf(params, 2) });
        return changed(note === undefined ? 0 : 1);
      },
    },
    { text: 'select 1', run: () => rowOf(one) },
    { text: 'select 1 as one', run: () => rowOf(one) },
    { text: 'select 1 / 0', run: divisionByZero },
    {
      text: 'select 1 as one where $1::text is null',
      run: (params) => rowOf(textOrNull(params, 1) === null ? one : undefined),
    },
    {
      text: 'select 1 as one where 5 = any($1::bigint[])',
      run: (params) => rowOf(numbersOf(params, 1).includes(5) ? one : undefined),
    },
    {
      text: 'select 9007199254740993::bigint as big',
      run: () => {
        throw new RangeError('the number 9007199254740993 does not fit');
      },
    },
  ];
}

function divisionByZero(): never {
  throw new SqlFailure('22012', 'division by zero');
}

/** services/kit/src/testing/step-harness.ts */
export function harnessStatements(engine: AnyEngine): readonly Statement[] {
  return [
    {
      text: 'select state, reference from saga_fence where saga_uid = $1::uuid and step = $2',
      run: (params) => {
        const row = engine.fence.get(`${uuidOf(params, 1)}/${textOf(params, 2)}`);
        return rowOf(row && { state: row.state, reference: row.reference });
      },
    },
    {
      text: 'select event from outbox order by seq',
      run: () =>
        rowsOf([...engine.outbox.values()].toSorted((a, b) => a.seq - b.seq).map(({ event }) => ({ event }))),
    },
  ];
}

/** services/kit/src/testing/fence.behaviour.ts, local-step.ts, fake-provider.ts */
export function ledgerStatements(storage: Storage): readonly Statement[] {
  interface LedgerRow {
    readonly saga_uid: string;
    readonly kind: string;
  }
  const rows = new MemoryTable<LedgerRow>({ log: storage.log, primaryKey: 'none' });
  let last = 0;
  return [
    {
      text: 'insert into ledger(saga_uid, kind) values ($1::uuid, $2)',
      run: (params) => {
        last += 1;
        rows.insert(String(last), { saga_uid: uuidOf(params, 1), kind: textOf(params, 2) });
        return changed(1);
      },
    },
    {
      text: 'select kind from ledger where saga_uid = $1::uuid',
      run: (params) => rowsOf([...rows.values()].filter((row) => row.saga_uid === uuidOf(params, 1))),
    },
    { text: 'select 1 / 0', run: divisionByZero },
  ];
}

const dayMillis = 86_400_000;

/** services/kit/src/testing/outbox.behaviour.ts, and the two gauges of the relay. */
export function outboxSuiteStatements(engine: AnyEngine, storage: Storage): readonly Statement[] {
  const all = () => [...engine.outbox.values()];
  const waiting = () => all().filter((row) => row.published_at === null);
  const change = (row: ReturnType<typeof all>[number]) => engine.outbox.replace(String(row.seq), row);
  const ago = (millis: number) => new Date(storage.now().getTime() - millis);
  const count = 'from outbox where published_at is null';
  return [
    {
      text: 'delete from outbox',
      run: () => {
        for (const row of all()) engine.outbox.delete(String(row.seq));
        return changed(0);
      },
    },
    { text: `select count(*) as left ${count}`, run: () => rowOf({ left: waiting().length }) },
    { text: `select count(*)::int as value ${count}`, run: () => rowOf({ value: waiting().length }) },
    {
      text: `select coalesce(extract(epoch from now() - min(written_at)), 0)::float8 as value ${count}`,
      run: () => {
        const ages = waiting().map((row) => storage.now().getTime() - row.written_at.getTime());
        return rowOf({ value: Math.max(0, ...ages) / 1_000 });
      },
    },
    {
      text: 'update outbox set published_at = null',
      run: () => {
        for (const row of all()) change({ ...row, published_at: null });
        return changed(0);
      },
    },
    {
      text: `update outbox set published_at = now() - interval '8 days' where aggregate_id = 'old';
        update outbox set published_at = now() - interval '6 days' where aggregate_id = 'young'`,
      run: () => {
        for (const row of all()) {
          if (row.aggregate_id === 'old') change({ ...row, published_at: ago(8 * dayMillis) });
          if (row.aggregate_id === 'young') change({ ...row, published_at: ago(6 * dayMillis) });
        }
        return changed(0);
      },
    },
    {
      text: `update outbox set written_at = now() - interval '100 seconds'`,
      run: () => {
        for (const row of all()) change({ ...row, written_at: ago(100_000) });
        return changed(0);
      },
    },
    {
      text: 'select aggregate_id from outbox order by seq',
      run: () =>
        rowsOf(
          all()
            .toSorted((a, b) => a.seq - b.seq)
            .map(({ aggregate_id }) => ({ aggregate_id })),
        ),
    },
  ];
}

/** services/inventory/src/testing/inventory-steps.behaviour.ts */
export function inventorySuiteStatements(engine: InventoryEngine): readonly Statement[] {
  const { stock, movements } = engine.own;
  const imbalances = () =>
    [...stock.values()].filter((level) => {
      const sum = (...kinds: readonly string[]) =>
        [...movements.values()]
          .filter(({ sku, kind }) => sku === level.sku && kinds.includes(kind))
          .reduce((total, { quantity }) => total + quantity, 0);
      const held = sum('reserved') - sum('released') - sum('sold');
      return (
        level.available !== sum('initial', 'restocked') - sum('reserved') + sum('released') ||
        level.reserved !== held ||
        level.sold !== sum('sold')
      );
    });
  const refuse = () => {
    throw raised('movements is append-only');
  };
  return [
    {
      text: `select s.sku from stock s left join (
         select sku,
           coalesce(sum(quantity) filter (where kind in ('initial', 'restocked')), 0) as supplied,
           coalesce(sum(quantity) filter (where kind = 'reserved'), 0) as reserved,
           coalesce(sum(quantity) filter (where kind = 'released'), 0) as released,
           coalesce(sum(quantity) filter (where kind = 'sold'), 0) as sold
         from movements group by sku) m on m.sku = s.sku
       where m.sku is null or s.available <> supplied - m.reserved + released
         or s.reserved <> m.reserved - released - m.sold or s.sold <> m.sold
         or supplied <> s.available + s.reserved + s.sold`,
      run: () => rowsOf(imbalances()),
    },
    { text: 'update movements set quantity = 1', run: refuse },
    { text: 'delete from movements', run: refuse },
    { text: 'truncate movements', run: refuse },
    {
      text: `update stock set available = -1 where sku = 'B'`,
      run: () => {
        const row = stock.get('B');
        if (row !== undefined) stock.replace('B', { ...row, available: -1 });
        return changed(1);
      },
    },
  ];
}
