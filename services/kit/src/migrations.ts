import { createHash } from 'node:crypto';
import { TerminalError } from '@sagamesh/runtime/errors';
import type { Db, Tx } from './db.ts';

/** Migrations as TypeScript modules that hold SQL, so that they are part of a bundle. Released ones are never changed, only followed. */

export interface Migration {
  /** Unique and for ever, e.g. `001-orders`. */
  readonly id: string;
  readonly sql: string;
}

/** Any constant that nobody else locks: replicas that start together migrate one after the other. */
const migrationLock = 5_241_776_033;

/** White space at the ends of lines and around the script may change (formatters do that); anything else may not. */
function migrationChecksum(sql: string): string {
  const lines = sql.split('\n').map((line) => line.trimEnd());
  return createHash('sha256').update(lines.join('\n').trim()).digest('hex');
}

/**
 * Applies what is missing, in the given order, all or none, and answers the ids applied now. TerminalError when an applied migration has
 * another text now, or an id is given twice. Applied ones that are not given are left alone: an older version of a service may still run.
 */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<readonly string[]> {
  const ids = new Set(migrations.map((migration) => migration.id));
  if (ids.size !== migrations.length) throw new TerminalError('two migrations have the same id');
  const apply = async (tx: Tx) => {
    await tx.query('select pg_advisory_xact_lock($1::bigint)', [migrationLock]);
    await tx.exec(`create table if not exists schema_migration(
      id text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`);
    const known = await tx.query<{ id: string; checksum: string }>(
      'select id, checksum from schema_migration',
    );
    const checksums = new Map(known.rows.map((row) => [row.id, row.checksum]));
    const appliedNow: string[] = [];
    for (const migration of migrations) {
      const checksum = migrationChecksum(migration.sql);
      const before = checksums.get(migration.id);
      if (before === checksum) continue;
      if (before !== undefined)
        throw new TerminalError(
          `migration ${migration.id} was changed after it had been applied to this database: undo the change and add a new migration`,
        );
      await tx.exec(migration.sql);
      await tx.query('insert into schema_migration(id, checksum) values ($1, $2)', [migration.id, checksum]);
      appliedNow.push(migration.id);
    }
    return appliedNow;
  };
  // A migration of a large table, and whoever waits for its lock, take as long as they take.
  return db.tx(apply, { unlimited: true });
}
