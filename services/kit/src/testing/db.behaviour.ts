import { RetryableError } from '@sagamesh/runtime/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Db } from '../db.ts';
import { sqlStateOf } from '../sql-error.ts';

/** What every database behind the port must do. `open` gives a database in which the test may make its table. */
export function describeDb(name: string, open: () => Promise<Db>): void {
  describe(`the database port on ${name}`, () => {
    let db: Db;
    beforeAll(async () => {
      db = await open();
      await db.exec(
        'create table note(id bigint primary key, body text, tags text[], data jsonb, at timestamptz)',
      );
    });
    afterAll(() => db.close());

    const insert = 'insert into note(id, body) values ($1, $2)';
    const count = async (id: number) => {
      const { rows } = await db.query<{ notes: number }>('select count(*) as notes from note where id = $1', [
        id,
      ]);
      return rows[0]?.notes;
    };

    test('values come back as they went in, int8 and count(*) as numbers', async () => {
      const at = new Date('2026-01-02T03:04:05.678Z');
      const { rows, rowCount } = await db.query(
        `insert into note(id, body, tags, data, at) values ($1, $2, $3::text[], $4::jsonb, $5) returning *`,
        [4_000_000_000, 'hello', ['a', 'b'], JSON.stringify({ list: [1, { x: null }] }), at],
      );
      expect(rows).toEqual([
        { id: 4_000_000_000, body: 'hello', tags: ['a', 'b'], data: { list: [1, { x: null }] }, at },
      ]);
      expect(rowCount).toBe(1);
      expect(await count(4_000_000_000)).toBe(1);
      expect((await db.query('select 1 as one where $1::text is null', [null])).rowCount).toBe(1);
      expect((await db.query('select 1 as one where 5 = any($1::bigint[])', [[4, 5]])).rowCount).toBe(1);
    });

    test('an int8 that a number cannot hold is refused, never rounded', async () => {
      await expect(db.query('select 9007199254740993::bigint as big')).rejects.toThrow('does not fit');
      await expect(db.query('select 1 as one')).resolves.toMatchObject({ rowCount: 1 });
    });

    test('rowCount tells how many rows an UPDATE without RETURNING changed', async () => {
      await db.query(insert, [10, 'a']);
      expect((await db.query('update note set body = $2 where id = $1', [10, 'b'])).rowCount).toBe(1);
      expect((await db.query('update note set body = $2 where id = $1', [-1, 'b'])).rowCount).toBe(0);
    });

    test('a transaction commits when its function resolves and answers what it answered', async () => {
      const answer = await db.tx(async (tx) => {
        await tx.query(insert, [20, 'kept']);
        return 'done';
      });
      expect(answer).toBe('done');
      expect(await count(20)).toBe(1);
    });

    test('a transaction leaves nothing when its function rejects, and throws that very error', async () => {
      const trouble = new Error('trouble');
      const attempt = db.tx(async (tx) => {
        await tx.query(insert, [30, 'gone']);
        throw trouble;
      });
      await expect(attempt).rejects.toBe(trouble);
      expect(await count(30)).toBe(0);
    });

    test('a transaction whose statement failed cannot commit, even when the error was swallowed', async () => {
      const attempt = db.tx(async (tx) => {
        await tx.query(insert, [40, 'gone']);
        await tx.query('select 1 / 0').catch(() => undefined);
      });
      await expect(attempt).rejects.toBeInstanceOf(RetryableError);
      expect(await count(40)).toBe(0);
    });

    test('a constraint violation keeps its SQLSTATE', async () => {
      await db.query(insert, [50, 'first']);
      const second = await db.query(insert, [50, 'second']).catch((thrown: unknown) => thrown);
      expect(sqlStateOf(second)).toBe('23505');
      expect(second).not.toBeInstanceOf(RetryableError);
    });

    test('the outer Db inside a transaction throws instead of waiting for itself', async () => {
      const attempt = db.tx(async () => db.query('select 1'));
      await expect(attempt).rejects.toThrow('the outer Db was used inside db.tx()');
      await expect(db.tx(async () => db.tx(async () => 1))).rejects.toThrow('the outer Db');
      await expect(db.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
    });

    test('a tx that was kept beyond its end throws', async () => {
      const kept = await db.tx(async (tx) => ({ tx }));
      await expect(kept.tx.query('select 1')).rejects.toThrow('this transaction has ended');
    });

    test('afterCommit runs after a commit only', async () => {
      const heard: string[] = [];
      const committed = new Promise<void>((resolve) => {
        void db.tx(async (tx) => tx.afterCommit(() => (heard.push('commit'), resolve())));
      });
      await committed;
      await db
        .tx(async (tx) => {
          tx.afterCommit(() => heard.push('rollback'));
          throw new Error('no');
        })
        .catch(() => undefined);
      await db.query('select 1');
      expect(heard).toEqual(['commit']);
    });

    test('a savepoint takes back what came after it', async () => {
      await db.tx(async (tx) => {
        await tx.query(insert, [60, 'kept']);
        await tx.exec('savepoint here');
        await tx.query(insert, [60, 'twice']).catch(() => undefined);
        await tx.exec('rollback to savepoint here');
      });
      expect(await count(60)).toBe(1);
    });

    test('a lock is given to one holder at a time', async () => {
      const first = await db.tryLock('relay');
      expect(first?.held()).toBe(true);
      expect(await db.tryLock('relay')).toBeUndefined();
      const other = await db.tryLock('another');
      expect(other).toBeDefined();
      await other?.release();
      await first?.release();
      expect(first?.held()).toBe(false);
      const again = await db.tryLock('relay');
      expect(again?.held()).toBe(true);
      await again?.release();
    });

    test('ping answers', async () => {
      await expect(db.ping(1_000)).resolves.toBeUndefined();
    });
  });
}
