import { createHash } from 'node:crypto';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { Client, escapeIdentifier } from 'pg';
import { z } from 'zod';
import { patienceMillis } from './lab.ts';

/** The services' PostgreSQL databases, seen by a stranger. */

const namesSchema = z.array(z.object({ name: z.string() }));
const countSchema = z.array(z.object({ count: z.coerce.number().int() }));

export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'checklist' });
  client.on('error', () => undefined); // the next query tells
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** The database `postgres` of the same server: from there, others can be closed and looked at. */
function serverOf(url: string): string {
  const server = new URL(url);
  server.pathname = '/postgres';
  return server.toString();
}

const databaseNameOf = (url: string) => decodeURIComponent(new URL(url).pathname.slice(1));

async function count(client: Client, sql: string, values: readonly unknown[] = []): Promise<number> {
  const { rows } = await client.query(sql, [...values]);
  return countSchema.parse(rows)[0]?.count ?? 0;
}

export async function tablesOf(url: string): Promise<readonly string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      "select tablename as name from pg_tables where schemaname = 'public' order by tablename",
    );
    return namesSchema.parse(rows).map(({ name }) => name);
  });
}

/** Connections of programs other than this one. */
export async function connectionsTo(url: string): Promise<number> {
  return withClient(serverOf(url), (client) =>
    count(
      client,
      "select count(*) from pg_stat_activity where datname = $1 and application_name <> 'checklist'",
      [databaseNameOf(url)],
    ),
  );
}

/** What would let one transaction span two databases. */
export async function transactionReach(url: string) {
  return withClient(url, async (client) => {
    const { rows } = await client.query('show max_prepared_transactions');
    const [setting] = z.array(z.object({ max_prepared_transactions: z.coerce.number() })).parse(rows);
    return {
      preparedMax: setting?.max_prepared_transactions ?? -1,
      prepared: await count(client, 'select count(*) from pg_prepared_xacts'),
      links: await count(
        client,
        `select (select count(*) from pg_foreign_server)
           + (select count(*) from pg_extension where extname in ('dblink', 'postgres_fdw')) as count`,
      ),
    };
  });
}

/** Nobody gets in any more, and who is in is thrown out; the other databases of the server stay as they are. */
export async function closeDatabase(url: string): Promise<void> {
  const name = databaseNameOf(url);
  await withClient(serverOf(url), async (client) => {
    await client.query(`alter database ${escapeIdentifier(name)} with allow_connections false`);
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
  });
}

export async function openDatabase(url: string): Promise<void> {
  await withClient(serverOf(url), (client) =>
    client.query(`alter database ${escapeIdentifier(databaseNameOf(url))} with allow_connections true`),
  );
}

/** Per table: how many rows, and a fingerprint of all their contents. */
export async function contentsOf(url: string): Promise<ReadonlyMap<string, Content>> {
  const tables = await tablesOf(url);
  return withClient(url, async (client) => {
    const contents = new Map<string, Content>();
    for (const table of tables) {
      const { rows } = await client.query(`select t::text as name from ${escapeIdentifier(table)} t`);
      contents.set(table, contentOf(namesSchema.parse(rows).map(({ name }) => name)));
    }
    return contents;
  });
}

export interface Content {
  readonly rows: number;
  readonly fingerprint: string;
}

/** The order of rows is of no interest. */
export function contentOf(rows: readonly string[]): Content {
  const hash = createHash('sha256');
  for (const row of rows.toSorted()) hash.update(row).update('\n');
  return { rows: rows.length, fingerprint: hash.digest('hex') };
}

/** Events that are written but not published yet would count as a later change. */
export async function untilOutboxIsEmpty(url: string): Promise<void> {
  if (!(await tablesOf(url)).includes('outbox')) return;
  await withClient(url, (client) =>
    waitUntil(
      async () => (await count(client, 'select count(*) from outbox where published_at is null')) === 0,
      { timeoutMillis: patienceMillis, intervalMillis: 100, what: 'the outbox to be published' },
    ),
  );
}
