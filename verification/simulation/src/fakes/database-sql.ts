import type { Db, QueryResult, SqlValue, Tx } from '@sagamesh/kit/db';
import { kitMigrations } from '@sagamesh/kit/kit-migrations';
import { migrate, type Migration } from '@sagamesh/kit/migrations';
import { openDatabase } from '@sagamesh/kit/open-database';
import { simulationEpochMillis, type Sim } from '../kernel/sim.ts';
import type { DatabaseEngine, EngineTx } from './database-engine.ts';

/**
 * A service's database on PGlite: the real SQL, for a share of the runs. Virtual time stands still while it works, and its `now()` is virtual,
 * too.
 */

/** One committed change of a row; what came and went within a transaction is not seen. */
export interface RowChange<Row> {
  readonly atMillis: number;
  readonly before: Row | undefined;
  readonly after: Row;
}

export interface SqlEngineOptions {
  readonly sim: Sim;
  /** The service's own; those of the kit come before them. */
  readonly migrations: readonly Migration[];
  /** Tables besides `saga_fence` whose committed changes are remembered. */
  readonly remember?: readonly string[];
}

/** Stands before pg_catalog in the search path, so it is found instead of PostgreSQL's own `now`, also by the defaults of columns. */
const virtualNow = `
create schema simulated;
create function simulated.now() returns timestamptz language sql stable
  as $$ select current_setting('simulated.now')::timestamptz $$;
set search_path = public, simulated, pg_catalog`;

/** Each change of a row, written down beside the table. */
const historyOf = (table: string): string => `
create table simulated.${table} (
  change bigint generated always as identity,
  tx bigint not null,
  at_millis float8,
  row public.${table} not null
);
create function simulated.keep_${table}() returns trigger language plpgsql as $$
begin
  insert into simulated.${table} (tx, row) values (txid_current(), new);
  return new;
end $$;
create trigger simulated_history after insert or update on public.${table}
  for each row execute function simulated.keep_${table}()`;

const nowOf = (sim: Sim): string => new Date(simulationEpochMillis + sim.nowMillis).toISOString();

/** Makes a transaction of the kit's port end as it was asked to. */
class RolledBack extends Error {
  override readonly name = 'RolledBack';
}

export class SqlEngine implements DatabaseEngine {
  readonly #db: Db;
  #sim: Sim;
  #open: SqlTx | undefined;
  readonly #remembered: readonly string[];

  private constructor(db: Db, sim: Sim, remembered: readonly string[]) {
    this.#db = db;
    this.#sim = sim;
    this.#remembered = remembered;
  }

  /** Before the simulation starts. */
  static async open({ sim, migrations, remember = [] }: SqlEngineOptions): Promise<SqlEngine> {
    const remembered = ['saga_fence', ...remember];
    const db = await openDatabase('pglite:memory');
    await db.exec(virtualNow);
    await db.query(`select set_config('simulated.now', $1, false)`, [nowOf(sim)]);
    await migrate(db, [...kitMigrations, ...migrations]);
    for (const table of remembered) await db.exec(historyOf(table));
    return new SqlEngine(db, sim, remembered);
  }

  async begin(): Promise<EngineTx> {
    return this.#sim.realWork(() => this.#begin());
  }

  /** The run is over: what is open is rolled back. Before reading; there is one connection, and the open transaction has it. */
  async stop(): Promise<void> {
    await this.#open?.rollback();
  }

  /** Empty again, for another run: cheaper than opening another one. */
  async restart(sim: Sim): Promise<void> {
    await this.stop();
    this.#sim = sim;
    const { rows } = await this.#db.query<{ readonly name: string }>(
      `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
       where schemaname in ('public', 'simulated') and tablename <> 'schema_migration'`,
    );
    // As a replica, so that the triggers of append-only tables look away.
    await this.#db.exec(`
      set session_replication_role = replica;
      truncate ${rows.map(({ name }) => name).join(', ')} restart identity;
      set session_replication_role = origin`);
  }

  /** All rows of a table as committed. */
  async rows<Row extends object>(table: string): Promise<readonly Row[]> {
    this.#assertStopped();
    const { rows } = await this.#sim.realWork(() => this.#db.query<Row>(`select * from ${table}`));
    return rows;
  }

  /** The committed changes of a remembered table, in order. */
  async history<Row extends object>(
    table: string,
    keyOf: (row: Row) => string,
  ): Promise<readonly RowChange<Row>[]> {
    this.#assertStopped();
    interface Kept {
      readonly tx: number;
      readonly atMillis: number;
    }
    const { rows } = await this.#sim.realWork(() =>
      this.#db.query<Row & Kept>(
        `select tx, at_millis as "atMillis", (row).* from simulated.${table} order by change`,
      ),
    );
    return lastOfEachTransaction(rows, keyOf);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#db.close();
  }

  #assertStopped(): void {
    if (this.#open !== undefined) throw new Error('a transaction is open: stop first');
  }

  #begin(): Promise<EngineTx> {
    return new Promise((begun, failed) => {
      let end: (how: 'commit' | 'rollback') => void = () => undefined;
      const asked = new Promise<'commit' | 'rollback'>((resolve) => (end = resolve));
      const ended = this.#db.tx(async (tx) => {
        await tx.query(`select set_config('simulated.now', $1, true)`, [nowOf(this.#sim)]);
        this.#open = new SqlTx(this.#sim, tx, (how) => (end(how), ended));
        begun(this.#open);
        if ((await asked) === 'rollback') throw new RolledBack();
        await this.#noteCommit(tx);
      });
      ended.catch(failed).finally(() => (this.#open = undefined));
    });
  }

  async #noteCommit(tx: Tx): Promise<void> {
    const atMillis = simulationEpochMillis + this.#sim.nowMillis;
    for (const table of this.#remembered) {
      // After a failed statement COMMIT rolls back and says so.
      await tx
        .query(`update simulated.${table} set at_millis = $1 where tx = txid_current()`, [atMillis])
        .catch(() => undefined);
    }
  }
}

class SqlTx implements EngineTx {
  weight = 0;
  readonly #sim: Sim;
  readonly #tx: Tx;
  readonly #end: (how: 'commit' | 'rollback') => Promise<void>;

  constructor(sim: Sim, tx: Tx, end: (how: 'commit' | 'rollback') => Promise<void>) {
    this.#sim = sim;
    this.#tx = tx;
    this.#end = end;
  }

  async query(text: string, params: readonly SqlValue[]): Promise<QueryResult<object>> {
    this.weight += 1;
    return this.#sim.realWork(() => this.#tx.query(text, params));
  }

  async exec(script: string): Promise<void> {
    await this.#sim.realWork(() => this.#tx.exec(script));
  }

  async commit(): Promise<void> {
    await this.#sim.realWork(() => this.#end('commit'));
  }

  async rollback(): Promise<void> {
    await this.#sim.realWork(() =>
      this.#end('rollback').catch((thrown: unknown) => {
        if (!(thrown instanceof RolledBack)) throw thrown;
      }),
    );
  }
}

function lastOfEachTransaction<Row extends object>(
  rows: readonly (Row & { readonly tx: number; readonly atMillis: number })[],
  keyOf: (row: Row) => string,
): readonly RowChange<Row>[] {
  const last = new Map<string, (typeof rows)[number]>();
  for (const row of rows) {
    const place = `${row.tx} ${keyOf(row)}`;
    last.delete(place);
    last.set(place, row);
  }
  const known = new Map<string, Row>();
  return [...last.values()].map((row) => {
    const before = known.get(keyOf(row));
    known.set(keyOf(row), row);
    return { atMillis: row.atMillis, before, after: row };
  });
}
