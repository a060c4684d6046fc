import { randomUUID } from 'node:crypto';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { startPostgres, type PostgresServer } from '@sagamesh/sandbox/postgres-server';
import type { Db } from '../db.ts';
import { kitMigrations } from '../kit-migrations.ts';
import { migrate, type Migration } from '../migrations.ts';
import { openDatabase, type DatabaseOptions, type Engine } from '../open-database.ts';

/** Fresh, empty databases for tests: PGlite in memory, or one database each on a throw-away PostgreSQL server. */

interface Running {
  readonly dataDir: DataDir;
  readonly server: PostgresServer;
}

let running: Promise<Running> | undefined;

async function start(): Promise<Running> {
  const dataDir = await DataDir.temporary();
  return { dataDir, server: await startPostgres({ dataDir }) };
}

/** The server that this test process shares; `stopTestPostgres` in `afterAll`. */
export async function testPostgres(): Promise<PostgresServer> {
  running ??= start();
  return (await running).server;
}

export async function stopTestPostgres(): Promise<void> {
  if (running === undefined) return;
  const { dataDir, server } = await running;
  running = undefined;
  await server.stop();
  dataDir.close({ remove: true });
}

/** URL of a new, empty database. */
export async function testDatabaseUrl(engine: Engine): Promise<string> {
  if (engine === 'pglite') return 'pglite:memory';
  const server = await testPostgres();
  return server.createDatabase(`test_${randomUUID().replaceAll('-', '')}`);
}

/** The kit's tables are there, and then the given migrations. */
export async function openTestDatabase(
  engine: Engine,
  migrations: readonly Migration[] = [],
  options: DatabaseOptions = {},
): Promise<Db> {
  const db = await openDatabase(await testDatabaseUrl(engine), options);
  await migrate(db, [...kitMigrations, ...migrations]);
  return db;
}
