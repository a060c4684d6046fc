import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { PGlite, Results, Transaction } from '@electric-sql/pglite';
import { RetryableError } from '@sagamesh/runtime/errors';
import { withTimeout } from '@sagamesh/runtime/timing';
import type { Db, QueryResult, SessionLock, SqlValue, Tx, TxOptions } from './db.ts';
import { lockDirectory } from './pglite-lock.ts';
import { emptyDatabase, forgetEmptyDatabase, loadPglite } from './pglite-template.ts';
import { parseInt8 } from './parse-int8.ts';
import { noStatementTimeout, ScopedTx } from './scoped-tx.ts';
import { classifySqlError } from './sql-error.ts';
import { type CommitCallbacks, TxScope } from './tx-scope.ts';

/** The database port on PGlite: PostgreSQL in this process, with one connection. For demo, development and tests. */

export interface PgliteOptions {
  /** Default true for a directory. PGlite itself switches it off, so that a power cut may lose what was committed. */
  readonly fsync?: boolean;
}

const int8Oid = 20;

/** 4 MB of shared buffers instead of 160: half the memory, the same start. */
async function startParams(fsync: boolean): Promise<string[]> {
  const PGlite = await loadPglite();
  const base = [...PGlite.defaultStartParams, '-c', 'shared_buffers=4MB'];
  return fsync ? [...base.filter((param) => param !== '-F'), '-c', 'fsync=on'] : base;
}

async function open(init: { dataDir?: string; loadDataDir?: Blob; fsync: boolean }): Promise<PGlite> {
  const PGlite = await loadPglite();
  return PGlite.create({
    ...(init.dataDir === undefined ? {} : { dataDir: init.dataDir }),
    ...(init.loadDataDir === undefined ? {} : { loadDataDir: init.loadDataDir }),
    startParams: await startParams(init.fsync),
    parsers: { [int8Oid]: parseInt8 },
  });
}

/** From the template when there is a good one, else from nothing. */
async function openEmpty(dataDir: string | undefined, fsync: boolean): Promise<PGlite> {
  const template = await emptyDatabase(await startParams(false));
  const target = dataDir === undefined ? {} : { dataDir };
  if (template !== undefined) {
    try {
      const database = await open({ ...target, loadDataDir: template, fsync });
      await database.query('select 1');
      return database;
    } catch {
      await forgetEmptyDatabase();
      if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
    }
  }
  return open({ ...target, fsync });
}

/** The marker is written when the database was made: without it the first start was interrupted, and nothing was ever stored. */
async function openDirectory(dir: string, fsync: boolean): Promise<PGlite> {
  const dataDir = join(dir, 'pgdata');
  const marker = join(dir, 'pgdata.complete');
  const complete = await access(marker).then(
    () => true,
    () => false,
  );
  if (complete) return open({ dataDir, fsync });
  await rm(dataDir, { recursive: true, force: true });
  const fresh = await openEmpty(dataDir, fsync);
  await writeFile(marker, '');
  return fresh;
}

/** `target`: a directory, or `memory`. Throws TerminalError when another process uses the directory. */
export async function openPglite(target: string, options: PgliteOptions = {}): Promise<Db> {
  if (target === 'memory') return new PgliteDb(await openEmpty(undefined, false), async () => undefined);
  const dir = resolve(target);
  await mkdir(dir, { recursive: true });
  const unlock = await lockDirectory(dir);
  try {
    return new PgliteDb(await openDirectory(dir, options.fsync ?? true), unlock);
  } catch (thrown) {
    await unlock();
    throw thrown;
  }
}

type Queryable = Pick<Transaction, 'query' | 'exec'>;

async function runQuery<T extends object>(
  on: Queryable,
  text: string,
  params: readonly SqlValue[],
): Promise<QueryResult<T>> {
  let result: Results<T>;
  try {
    result = await on.query<T>(text, [...params]);
  } catch (thrown) {
    throw classifySqlError(thrown);
  }
  return { rows: result.rows, rowCount: result.rowCount ?? result.rows.length };
}

async function runScript(on: Queryable, script: string): Promise<void> {
  try {
    await on.exec(script);
  } catch (thrown) {
    throw classifySqlError(thrown);
  }
}

class PgliteDb implements Db {
  private readonly pglite: PGlite;
  private readonly unlock: () => Promise<void>;
  private readonly scope = new TxScope();
  private readonly locks = new Set<string>();
  private closing: Promise<void> | undefined;

  constructor(pglite: PGlite, unlock: () => Promise<void>) {
    this.pglite = pglite;
    this.unlock = unlock;
  }

  async query<T extends object>(text: string, params: readonly SqlValue[] = []): Promise<QueryResult<T>> {
    this.scope.assertOutside();
    return runQuery<T>(this.pglite, text, params);
  }

  async exec(script: string): Promise<void> {
    this.scope.assertOutside();
    await runScript(this.pglite, script);
  }

  afterCommit(callback: () => void): void {
    this.scope.assertOutside();
    queueMicrotask(callback);
  }

  async tx<R>(fn: (tx: Tx) => Promise<R>, { unlimited = false }: TxOptions = {}): Promise<R> {
    this.scope.assertOutside();
    // What `fn` throws is the caller's and goes through as it is; what BEGIN or COMMIT throw is classified.
    let thrownByFn: { readonly thrown: unknown } | undefined;
    let committed: CommitCallbacks | undefined;
    try {
      const result = await this.pglite.transaction(async (transaction) => {
        const tx = new ScopedTx({
          query: async <T extends object>(text: string, params: readonly SqlValue[]) =>
            runQuery<T>(transaction, text, params),
          exec: (script) => runScript(transaction, script),
        });
        committed = tx.committed;
        try {
          if (unlimited) await tx.exec(noStatementTimeout);
          return await this.scope.run(() => fn(tx));
        } catch (thrown) {
          thrownByFn = { thrown };
          throw thrown;
        } finally {
          tx.end();
        }
      });
      committed?.run();
      return result;
    } catch (thrown) {
      if (thrownByFn !== undefined) throw thrownByFn.thrown;
      throw new RetryableError('the transaction did not commit', { cause: thrown });
    }
  }

  /** The directory's lock keeps other processes out, so the name only has to be free in this one. */
  async tryLock(name: string): Promise<SessionLock | undefined> {
    if (this.locks.has(name)) return undefined;
    this.locks.add(name);
    let held = true;
    const release = async () => {
      if (held) this.locks.delete(name);
      held = false;
    };
    return { held: () => held && this.closing === undefined, release };
  }

  async ping(timeoutMillis: number): Promise<void> {
    await withTimeout(this.pglite.query('select 1'), timeoutMillis, 'the database did not answer in time');
  }

  async close(): Promise<void> {
    this.closing ??= this.closeAndUnlock();
    await this.closing;
  }

  private async closeAndUnlock(): Promise<void> {
    try {
      await this.pglite.close();
    } finally {
      await this.unlock();
    }
  }
}
