import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHealth } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { createLogger } from '@sagamesh/runtime/logger';
import { createMetrics } from '@sagamesh/runtime/metrics';
import { HttpProblem } from '@sagamesh/runtime/problem';
import type { Db } from './db.ts';
import { idempotent, purgeIdempotencyKeys } from './idempotency-key.ts';
import type { Engine } from './open-database.ts';
import { describeIdempotencyKeys } from './testing/idempotency-key.behaviour.ts';
import { openTestDatabase, stopTestPostgres } from './testing/test-database.ts';

const engines: readonly Engine[] = ['pglite', 'postgres'];

for (const engine of engines) describeIdempotencyKeys(engine, () => openTestDatabase(engine));

interface Notes {
  readonly db: Db;
  readonly post: (key: string | undefined, body: object, caller?: string) => Promise<Response>;
  /** How many notes have this text. */
  readonly notes: (text: string) => Promise<number>;
  /** Awaited inside the effect. */
  hold: () => Promise<void>;
}

function useNotes(engine: Engine): () => Notes {
  let db: Db;
  let server: Server;
  let url: string;
  let fixture: Notes;

  beforeAll(async () => {
    db = await openTestDatabase(engine, [{ id: 'note', sql: 'create table note(body text)' }]);
    const app = createHttpApp({
      logger: createLogger({ name: 'test', level: 'silent' }),
      health: createHealth({ version: '1', checks: [] }),
      metrics: createMetrics('test'),
      routes(router) {
        router.post('/notes', async (request, response) => {
          const caller = request.header('x-caller') ?? 'ada';
          const answer = await idempotent(db, request, caller, async (tx) => {
            await tx.query('insert into note(body) values ($1)', [String(request.body.text)]);
            await fixture.hold();
            if (request.body.text === 'bad') throw new HttpProblem({ status: 409, title: 'no' });
            return { status: 201, body: { text: request.body.text }, headers: { location: '/notes/1' } };
          });
          response
            .status(answer.status)
            .set(answer.headers)
            .json({ ...answer.body, replayed: answer.replayed });
        });
      },
    });
    server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/notes`;
    fixture = { db, post, notes, hold: async () => undefined };
  });
  const post = (key: string | undefined, body: object, caller = 'ada') =>
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-caller': caller,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
    });
  const notes = async (text: string) =>
    (await db.query('select 1 from note where body = $1', [text])).rowCount;

  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await db.close();
    await stopTestPostgres();
  });

  return () => fixture;
}

describe.each(engines)('the Idempotency-Key on %s', (engine) => {
  const fixture = useNotes(engine);

  test('the effect happens once and its answer is replayed, headers too, quoted or bare', async () => {
    const { post, notes } = fixture();
    const first = await post('"k1"', { text: 'one' });
    expect([first.status, await first.json()]).toEqual([201, { text: 'one', replayed: false }]);
    const second = await post('k1', { text: 'one' });
    expect([second.status, await second.json()]).toEqual([201, { text: 'one', replayed: true }]);
    expect(second.headers.get('location')).toBe('/notes/1');
    expect(await notes('one')).toBe(1);
  });

  test('no key: 400', async () => {
    const { post, notes } = fixture();
    expect((await post(undefined, { text: 'none' })).status).toBe(400);
    expect(await notes('none')).toBe(0);
  });

  test('the key of another request: 422; of another caller: its own', async () => {
    const { post, notes } = fixture();
    await post('k2', { text: 'two' });
    expect((await post('k2', { text: 'other' })).status).toBe(422);
    expect((await post('k2', { text: 'other' }, 'bob')).status).toBe(201);
    expect(await notes('other')).toBe(1);
  });

  test('an effect that failed leaves nothing, and the key is free', async () => {
    const { post, notes } = fixture();
    expect((await post('k3', { text: 'bad' })).status).toBe(409);
    expect(await notes('bad')).toBe(0);
    expect((await post('k3', { text: 'good' })).status).toBe(201);
  });

  test('a key may be used again after 24 hours, and old ones are purged', async () => {
    const { db, post } = fixture();
    await post('k4', { text: 'four' });
    await db.exec(`update idempotency_key set expires_at = now() - interval '1 second' where key = 'k4'`);
    const again = await post('k4', { text: 'four again' });
    expect(await again.json()).toEqual({ text: 'four again', replayed: false });
    await db.exec(`update idempotency_key set expires_at = now() - interval '1 second' where key = 'k4'`);
    await purgeIdempotencyKeys(db);
    expect((await db.query(`select 1 from idempotency_key where key = 'k4'`)).rowCount).toBe(0);
  });
});

describe('the Idempotency-Key on two connections', () => {
  const fixture = useNotes('postgres');

  test('while the first request runs: 409, and it is not disturbed', async () => {
    const here = fixture();
    let goOn: () => void = () => undefined;
    const inside = new Promise<void>((entered) => {
      here.hold = () => {
        here.hold = async () => undefined;
        entered();
        return new Promise((resolve) => (goOn = resolve));
      };
    });
    const first = here.post('k5', { text: 'five' });
    await inside;
    const second = await here.post('k5', { text: 'five' });
    expect(second.status).toBe(409);
    expect(second.headers.get('retry-after')).toBe('1');
    goOn();
    expect((await first).status).toBe(201);
    expect(await here.notes('five')).toBe(1);
  });
});
