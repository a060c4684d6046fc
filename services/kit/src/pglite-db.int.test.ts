import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TerminalError } from '@sagamesh/runtime/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from './open-database.ts';
import { describeDb } from './testing/db.behaviour.ts';
import { openTestDatabase } from './testing/test-database.ts';

describeDb('pglite', () => openTestDatabase('pglite'));

describe('a PGlite directory', () => {
  let parent: string;
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'sagamesh-pglite-'));
  });
  afterAll(() => rm(parent, { recursive: true, force: true }));

  test('keeps what was committed, with fsync on', async () => {
    const url = `pglite:${join(parent, 'kept')}`;
    const first = await openDatabase(url);
    await first.exec('create table note(body text)');
    await first.query('insert into note values ($1)', ['hello']);
    expect((await first.query('show fsync')).rows).toEqual([{ fsync: 'on' }]);
    await first.close();
    const second = await openDatabase(url, { fsync: false });
    expect((await second.query('select body from note')).rows).toEqual([{ body: 'hello' }]);
    expect((await second.query('show fsync')).rows).toEqual([{ fsync: 'off' }]);
    await second.close();
  });

  test('is refused while a living process has it, also this one', async () => {
    const dir = join(parent, 'locked');
    const db = await openDatabase(`pglite:${dir}`);
    const second = openDatabase(`pglite:${dir}`);
    await expect(second).rejects.toBeInstanceOf(TerminalError);
    await expect(second).rejects.toThrow(`in use by process ${process.pid}`);
    await db.close();
  });

  test('is opened when the lock was left by a process that died, or whose pid is used again', async () => {
    const dir = join(parent, 'stale');
    const url = `pglite:${dir}`;
    await (await openDatabase(url)).close();
    const dead = promisify(execFile)(process.execPath, ['-e', '']);
    const deadPid = dead.child.pid ?? 0;
    await dead;
    for (const left of [`${deadPid} 12345`, `${process.pid} 1`]) {
      await writeFile(join(dir, 'sagamesh.lock'), left);
      const db = await openDatabase(url);
      expect(await readFile(join(dir, 'sagamesh.lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
      await db.close();
    }
  });

  test('that was interrupted while it was made is made again', async () => {
    const dir = join(parent, 'partial');
    const url = `pglite:${dir}`;
    await (await openDatabase(url)).close();
    await rm(join(dir, 'pgdata.complete'));
    await rm(join(dir, 'pgdata', 'base'), { recursive: true });
    const db = await openDatabase(url);
    expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await db.close();
  });

  test('a broken template in the cache never decides the result', async () => {
    const cache = await mkdtemp(join(parent, 'cache-'));
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = cache;
    try {
      await (await openDatabase('pglite:memory')).close();
      const folder = join(cache, 'sagamesh');
      const [template] = await readdir(folder);
      await writeFile(join(folder, template ?? ''), 'not a tar');
      const db = await openDatabase('pglite:memory');
      expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      await db.close();
    } finally {
      if (before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = before;
    }
  });
});
