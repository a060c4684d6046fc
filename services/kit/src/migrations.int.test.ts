import { afterAll, describe, expect, test } from 'vitest';
import { TerminalError } from '@sagamesh/runtime/errors';
import { migrate, type Migration } from './migrations.ts';
import { openDatabase, type Engine } from './open-database.ts';
import { stopTestPostgres, testDatabaseUrl } from './testing/test-database.ts';

const engines: readonly Engine[] = ['pglite', 'postgres'];
const one: Migration = { id: '001', sql: 'create table one(id int);\ninsert into one values (1);' };
const two: Migration = { id: '002', sql: 'alter table one add column name text' };

describe.each(engines)('migrations on %s', (engine) => {
  afterAll(stopTestPostgres);
  const fresh = async () => openDatabase(await testDatabaseUrl(engine));

  test('what is missing is applied, in order, once', async () => {
    const db = await fresh();
    expect(await migrate(db, [one])).toEqual(['001']);
    expect(await migrate(db, [one, two])).toEqual(['002']);
    expect(await migrate(db, [one, two])).toEqual([]);
    expect((await db.query('select * from one')).rows).toEqual([{ id: 1, name: null }]);
    await db.close();
  });

  test('a changed migration is refused by name; white space at the ends of lines is no change', async () => {
    const db = await fresh();
    await migrate(db, [one]);
    await expect(migrate(db, [{ ...one, sql: `${one.sql}--` }])).rejects.toBeInstanceOf(TerminalError);
    await expect(migrate(db, [{ ...one, sql: `${one.sql}--` }])).rejects.toThrow('migration 001 was changed');
    expect(await migrate(db, [{ ...one, sql: `\n${one.sql.replace('\n', '  \n')}\n` }])).toEqual([]);
    await db.close();
  });

  test('a migration runs without a statement time-out, and what comes after it has one again', async () => {
    const db = await fresh();
    // PGlite has one session, so this reaches its migration; the pool of PostgreSQL sets 10 s by itself.
    if (engine === 'pglite') await db.exec(`set statement_timeout = '10s'`);
    const setting = `select current_setting('statement_timeout') as value`;
    await migrate(db, [{ id: '001', sql: `create table seen as ${setting}` }]);
    expect((await db.query('select value from seen')).rows).toEqual([{ value: '0' }]);
    expect((await db.query(setting)).rows).toEqual([{ value: '10s' }]);
    await db.close();
  });

  test('when one fails none of them is applied', async () => {
    const db = await fresh();
    await expect(migrate(db, [one, { id: '003', sql: 'create tabel' }])).rejects.toThrow('syntax error');
    expect(await migrate(db, [one])).toEqual(['001']);
    await db.close();
  });

  test('one id twice is refused', async () => {
    const db = await fresh();
    await expect(migrate(db, [one, { ...two, id: one.id }])).rejects.toThrow(
      'two migrations have the same id',
    );
    await db.close();
  });

  test('replicas that start together do not apply anything twice', async () => {
    const url = await testDatabaseUrl(engine);
    const replicas =
      engine === 'postgres' ? [await openDatabase(url), await openDatabase(url)] : [await openDatabase(url)];
    const applied = await Promise.all([...replicas, ...replicas].map((db) => migrate(db, [one, two])));
    expect(applied.flat().toSorted()).toEqual(['001', '002']);
    await Promise.all(replicas.map((db) => db.close()));
  });
});
