import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataDir } from './data-dir.ts';
import { findPostgres } from './find-postgres.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';
import { SetupError } from './setup-error.ts';

let dataDir: DataDir;
let postgres: PostgresServer;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  postgres = await startPostgres({ dataDir });
});

afterAll(async () => {
  await postgres.stop();
  dataDir.close({ remove: true });
});

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined); // cut by the kill below
  await client.connect();
  return client;
}

describe('the PostgreSQL server', () => {
  it('lets two connections race for one row', async () => {
    const url = await postgres.createDatabase('race');
    const [first, second] = [await connected(url), await connected(url)];
    await first.query('CREATE TABLE places (id int PRIMARY KEY)');
    await first.query('BEGIN');
    await first.query('INSERT INTO places VALUES (1)');
    const loser = second.query('INSERT INTO places VALUES (1) ON CONFLICT DO NOTHING');
    await first.query('COMMIT');
    expect((await loser).rowCount).toBe(0);
    await Promise.all([first.end(), second.end()]);
  });

  it('keeps databases apart, whatever their names', async () => {
    const url = await postgres.createDatabase('Odd "name"');
    const client = await connected(url);
    expect((await client.query('SELECT current_database() AS name')).rows).toEqual([{ name: 'Odd "name"' }]);
    await client.end();
  });

  it('keeps committed rows when it is killed and started again', async () => {
    const url = await postgres.createDatabase('lasting');
    const before = await connected(url);
    await before.query('CREATE TABLE kept AS SELECT 42 AS answer');
    await postgres.process.kill();
    await postgres.process.start();
    const after = await connected(url);
    expect((await after.query('SELECT answer FROM kept')).rows).toEqual([{ answer: 42 }]);
    await after.end();
  });

  it('says what to install when there is no server', async () => {
    const search = findPostgres({ SAGAMESH_PG_BIN: dataDir.path });
    await expect(search).rejects.toThrow(SetupError);
    await expect(search).rejects.toThrow(/PostgreSQL 15 or newer is missing[^]*SAGAMESH_PG_BIN/);
  });
});
