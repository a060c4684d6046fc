import { createHash } from 'node:crypto';
import {
  Client,
  Pool,
  types,
  type ClientConfig,
  type CustomTypesConfig,
  type PoolClient,
  type QueryResultRow,
} from 'pg';
import { RetryableError } from '@sagamesh/runtime/errors';
import type { Db, QueryResult, SessionLock, SqlValue, Tx, TxOptions } from './db.ts';
import { parseInt8 } from './parse-int8.ts';
import { noStatementTimeout, ScopedTx, type Statements } from './scoped-tx.ts';
import { classifySqlError, sqlStateOf, stalePlanState } from './sql-error.ts';
import { TxScope } from './tx-scope.ts';

/** The database port on PostgreSQL through a pool of `pg` clients. */

export interface PgOptions {
  readonly maxConnections?: number;
  readonly statementTimeoutMillis?: number;
}

const int8Oid = types.builtins.INT8;

// pg types this callback as generic in its format; both formats of everything else are pg's own business.
const customTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === int8Oid ? parseInt8 : types.getTypeParser(oid, format)),
};

/** Named statements are parsed once per connection. The name is the text's hash, so that it is the same in every connection. */
const statementNames = new Map<string, string>();
const statementNamesMax = 500;

function statementName(text: string): string | undefined {
  const known = statementNames.get(text);
  if (known !== undefined) return known;
  if (statementNames.size >= statementNamesMax) return undefined;
  const name = `s_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  statementNames.set(text, name);
  return name;
}

const ignore = () => undefined;

type Queryable = PoolClient | Client;

/** The types of pg leave out that a query may have its own time-out (`Client.query` reads it). */
interface ReadLimit {
  readonly query_timeout?: number;
}

/** pg has no "none" for one query: a day. */
const unlimitedRead: ReadLimit = { query_timeout: 86_400_000 };

async function runQuery<T extends object>(
  client: Queryable,
  text: string,
  params: readonly SqlValue[],
  limit: ReadLimit = {},
): Promise<QueryResult<T>> {
  const name = statementName(text);
  try {
    const result = await client.query<T & QueryResultRow>({
      ...(name === undefined ? {} : { name }),
      text,
      values: [...params],
      ...limit,
    });
    return { rows: result.rows, rowCount: result.rowCount ?? result.rows.length };
  } catch (thrown) {
    throw classifySqlError(thrown);
  }
}

async function runScript(client: Queryable, script: string, limit: ReadLimit = {}): Promise<void> {
  try {
    await client.query({ text: script, ...limit });
  } catch (thrown) {
    throw classifySqlError(thrown);
  }
}

function statementsOf(client: Queryable, limit: ReadLimit): Statements {
  return {
    query: async <T extends object>(text: string, params: readonly SqlValue[]) =>
      runQuery<T>(client, text, params, limit),
    exec: (script) => runScript(client, script, limit),
  };
}

export class PgDb implements Db {
  private readonly pool: Pool;
  private readonly scope = new TxScope();
  private readonly connection: ClientConfig;

  constructor(url: string, options: PgOptions = {}) {
    this.connection = {
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      types: customTypes,
    };
    const statementTimeoutMillis = options.statementTimeoutMillis ?? 10_000;
    this.pool = new Pool({
      ...this.connection,
      max: options.maxConnections ?? 12,
      statement_timeout: statementTimeoutMillis,
      // The server cancels first; this is for a server that does not answer at all.
      query_timeout: statementTimeoutMillis + 2_000,
      idle_in_transaction_session_timeout: 30_000,
    });
    // A broken idle connection leaves the pool by itself; without a listener it would end the process.
    this.pool.on('error', ignore);
  }

  async query<T extends object>(text: string, params: readonly SqlValue[] = []): Promise<QueryResult<T>> {
    return this.withClient((client) => runQuery<T>(client, text, params));
  }

  async exec(script: string): Promise<void> {
    await this.withClient((client) => runScript(client, script));
  }

  afterCommit(callback: () => void): void {
    this.scope.assertOutside();
    queueMicrotask(callback);
  }

  async tx<R>(fn: (tx: Tx) => Promise<R>, { unlimited = false }: TxOptions = {}): Promise<R> {
    const [result, committed] = await this.withClient(async (client) => {
      await runScript(client, 'begin isolation level read committed');
      if (unlimited) await runScript(client, noStatementTimeout);
      const tx = new ScopedTx(statementsOf(client, unlimited ? unlimitedRead : {}));
      let answer: R;
      try {
        answer = await this.scope.run(() => fn(tx));
      } catch (thrown) {
        tx.end();
        await rollback(client);
        throw thrown;
      }
      tx.end();
      await commit(client);
      return [answer, tx.committed] as const;
    });
    committed.run();
    return result;
  }

  async tryLock(name: string): Promise<SessionLock | undefined> {
    // An own connection: the lock must live as long as its holder and must go with it at once. The keepalives are the server's: they free
    // the lock of a machine that vanished.
    const client = new Client({
      ...this.connection,
      options: '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3',
    });
    let held = false;
    const lost = () => void (held = false);
    client.on('error', lost);
    client.on('end', lost);
    try {
      await client.connect();
      const { rows } = await client.query<{ locked: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
        [name],
      );
      held = rows[0]?.locked === true;
    } catch (thrown) {
      await client.end().catch(ignore);
      throw classifySqlError(thrown);
    }
    const release = async () => {
      // Asked for and answered: closing alone frees the lock some time after.
      if (held) await client.query('select pg_advisory_unlock_all()').catch(ignore);
      await client.end().catch(ignore);
    };
    if (!held) {
      await release();
      return undefined;
    }
    return { held: () => held, release };
  }

  async ping(timeoutMillis: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new RetryableError('the database did not answer in time')),
        timeoutMillis,
      );
    });
    const answer = this.pool.query('select 1').catch((thrown: unknown) => {
      throw classifySqlError(thrown);
    });
    try {
      await Promise.race([answer, timeout]);
    } finally {
      clearTimeout(timer);
      answer.catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  private async withClient<R>(fn: (client: PoolClient) => Promise<R>): Promise<R> {
    this.scope.assertOutside();
    let client: PoolClient;
    try {
      client = await this.pool.connect();
    } catch (thrown) {
      throw classifySqlError(thrown);
    }
    client.on('error', ignore);
    let broken = false;
    try {
      return await fn(client);
    } catch (thrown) {
      broken = mayBeBroken(thrown);
      throw thrown;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }
}

/** Lost or timed-out connections and stale plans: do not hand this connection to anyone again. */
function mayBeBroken(thrown: unknown): boolean {
  if (!(thrown instanceof RetryableError)) return false;
  const state = sqlStateOf(thrown);
  // Class 08: connection; 57P, 25P03, 25P04: the server ended the session.
  return state === undefined || state === stalePlanState || /^(08|57P|25P0[34])/.test(state);
}

async function rollback(client: PoolClient): Promise<void> {
  // When even this fails the connection is gone, and the server rolls back by itself.
  await client.query('rollback').catch(() => undefined);
}

/** When COMMIT is not answered nobody knows what happened: the caller runs again and reads what it finds (the fence row decides). */
async function commit(client: PoolClient): Promise<void> {
  let command: string;
  try {
    command = (await client.query('commit')).command;
  } catch (thrown) {
    if (sqlStateOf(thrown) !== undefined) throw classifySqlError(thrown);
    throw new RetryableError('the outcome of the commit is unknown', { cause: thrown });
  }
  // COMMIT of an aborted transaction succeeds with the tag ROLLBACK (PostgreSQL docs, COMMIT).
  if (command === 'ROLLBACK') throw new RetryableError('the transaction was rolled back at commit');
}
