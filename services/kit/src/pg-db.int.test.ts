import { RetryableError } from '@sagamesh/runtime/errors';
import { afterAll, describe, expect, test } from 'vitest';
import { migrate } from './migrations.ts';
import { openDatabase } from './open-database.ts';
import { describeDb } from './testing/db.behaviour.ts';
import { openTestDatabase, stopTestPostgres } from './testing/test-database.ts';

afterAll(stopTestPostgres);

describeDb('postgres', () => openTestDatabase('postgres'));

describe('what only a server can show', () => {
  test('a statement that takes too long is cancelled and may be tried again', async () => {
    const db = await openTestDatabase('postgres', [], { statementTimeoutMillis: 100 });
    await expect(db.query('select pg_sleep(5)')).rejects.toBeInstanceOf(RetryableError);
    await db.close();
  });

  test('a migration outlasts the time-outs of server and client', async () => {
    // The client gives up 2 s after the server.
    const db = await openTestDatabase('postgres', [], { statementTimeoutMillis: 100 });
    const slow = { id: 'slow', sql: 'do $$ begin perform pg_sleep(2.3); end $$' };
    expect(await migrate(db, [slow])).toEqual(['slow']);
    await expect(db.query('select pg_sleep(5)')).rejects.toBeInstanceOf(RetryableError);
    await db.close();
  });

  test('a connection that breaks at COMMIT leaves the outcome unknown: RetryableError, and the pool goes on', async () => {
    const db = await openTestDatabase('postgres');
    const admin = await openTestDatabase('postgres');
    const killed = db.tx(async (tx) => {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid ?? 0]);
    });
    await expect(killed).rejects.toBeInstanceOf(RetryableError);
    await expect(db.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
    await db.close();
    await admin.close();
  });

  test('a transaction that the server ended because its process stood still may be tried again', async () => {
    const db = await openTestDatabase('postgres');
    const stoodStill = db.tx(async (tx) => {
      await tx.exec('set local idle_in_transaction_session_timeout = 50');
      // As a paused process does: the server's last word is in the socket when the next statement goes out.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      await tx.query('select 1');
    });
    await expect(stoodStill).rejects.toBeInstanceOf(RetryableError);
    await expect(db.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
    await db.close();
  });

  test('a lock goes when its connection breaks', async () => {
    const db = await openTestDatabase('postgres');
    const lock = await db.tryLock('relay');
    await db.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()
         and database = (select oid from pg_database where datname = current_database())`,
    );
    await expect.poll(() => lock?.held()).toBe(false);
    await db.close();
  });

  test('a server that is not there is trouble that passes', async () => {
    const db = await openDatabase('postgres://nobody@127.0.0.1:1/nothing');
    await expect(db.query('select 1')).rejects.toBeInstanceOf(RetryableError);
    await expect(db.ping(500)).rejects.toBeInstanceOf(RetryableError);
    await db.close();
  });
});
