import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticate } from '@sagamesh/kit/auth';
import type { Db } from '@sagamesh/kit/db';
import { createOutbox } from '@sagamesh/kit/outbox';
import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { createHealth } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { type RunningServer, startHttpServer } from '@sagamesh/runtime/http-server';
import { createMetrics } from '@sagamesh/runtime/metrics';
import { silentLogger } from '@sagamesh/runtime/testing/silent-logger';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { orderMigrations } from './order-migrations.ts';
import { addOrderRoutes } from './order-routes.ts';
import { seedPriceList } from './order-store.ts';

const issuer = 'https://issuer.test';
const audience = 'orders';
const good = { items: [{ sku: 'KEYBOARD', quantity: 2 }], paymentMethod: 'pm_card_visa' };

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;
interface Claims {
  readonly sub?: string;
  readonly roles?: readonly string[];
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string;
}

function sign(keys: KeyPair, claims: Claims = {}): Promise<string> {
  return new SignJWT({ roles: claims.roles ?? [] })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
    .setSubject(claims.sub ?? 'ada')
    .setIssuer(claims.issuer ?? issuer)
    .setAudience(claims.audience ?? audience)
    .setExpirationTime(claims.expires ?? '5m')
    .sign(keys.privateKey);
}

describe.each(['pglite', 'postgres'] as const)('HTTP of the order service on %s', (engine) => {
  let directory: string;
  let keys: KeyPair;
  let db: Db;
  let server: RunningServer;
  let close: () => void;

  beforeAll(async () => {
    keys = await generateKeyPair('EdDSA');
    directory = await mkdtemp(join(tmpdir(), 'order-routes-'));
    const jwk = { ...(await exportJWK(keys.publicKey)), alg: 'EdDSA', use: 'sig', kid: 'k1' };
    await writeFile(join(directory, 'jwks.json'), JSON.stringify({ keys: [jwk] }));
    db = await openTestDatabase(engine, orderMigrations);
    await seedPriceList(db);
    const health = createHealth({ version: 'test', checks: [] });
    close = () => health.close();
    const app = createHttpApp({
      logger: silentLogger,
      health,
      metrics: createMetrics('order'),
      routes: (router) => {
        addOrderRoutes(router, {
          db,
          outbox: createOutbox(),
          announceAfterMillis: 30_000,
          authenticate: authenticate({ jwks: { file: join(directory, 'jwks.json') }, issuer, audience }),
        });
      },
    });
    server = await startHttpServer({ app, host: '127.0.0.1', port: 0, health });
  });
  beforeEach(() => db.exec('truncate orders, outbox, idempotency_key'));
  afterAll(async () => {
    await server.stop(1_000);
    close();
    await db.close();
    await stopTestPostgres();
    await rm(directory, { recursive: true });
  });

  interface Answer {
    readonly status: number;
    readonly headers: Headers;
    // oxlint-disable-next-line typescript/no-explicit-any -- what a foreign client reads; every use compares it with toMatchObject
    readonly body: any;
  }

  type Init = Omit<RequestInit, 'headers'> & { token?: string; headers?: Record<string, string> };
  async function call(path: string, init: Init = {}): Promise<Answer> {
    const { token = await sign(keys), headers, ...rest } = init;
    const response = await fetch(server.url + path, {
      ...rest,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  let keyNumber = 0;
  function post(
    body: unknown,
    { key = `"key-${(keyNumber += 1)}"`, token }: { key?: string; token?: string } = {},
  ) {
    return call('/api/v1/orders', {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(key === '' ? {} : { 'idempotency-key': key }) },
      ...(token === undefined ? {} : { token }),
    });
  }
  const rowCount = async (table: string) =>
    (await db.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n;

  describe('POST /api/v1/orders', () => {
    it('takes an order, prices it and announces it with the whole order', async () => {
      const contact = { email: 'ada@example.org' };
      const answer = await post({ ...good, contact });
      const { id } = answer.body;
      expect(answer).toMatchObject({
        status: 201,
        body: {
          id: expect.stringMatching(/^ord-[0-9a-f-]{36}$/),
          state: 'PENDING',
          customerId: 'ada',
          currency: 'EUR',
          items: [{ sku: 'KEYBOARD', quantity: 2, unitPriceCents: 4_999 }],
          totalCents: 9_998,
          contact,
        },
      });
      expect(answer.headers.get('location')).toBe(`/api/v1/orders/${id}`);
      const { rows } = await db.query(`select event_id, event from outbox`);
      const orders = await db.query(`select source_event_id from orders`);
      expect(rows).toMatchObject([
        {
          event_id: orders.rows.map((row) => Reflect.get(row, 'source_event_id'))[0],
          event: {
            eventType: 'order.created',
            aggregateId: id,
            payload: {
              order: {
                id,
                customerId: 'ada',
                items: answer.body.items,
                paymentMethod: 'pm_card_visa',
                contact,
              },
              totalCents: 9_998,
            },
          },
        },
      ]);
    });

    it('answers a repeated key with the same order', async () => {
      const first = await post(good, { key: 'once' });
      const second = await post(good, { key: '"once"' });
      expect(second).toMatchObject({ status: 201, body: first.body });
      expect(second.headers.get('location')).toBe(first.headers.get('location'));
      expect([await rowCount('orders'), await rowCount('outbox')]).toEqual([1, 1]);
    });

    it('makes one order of one key, however many ask at once', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => post(good, { key: 'race' })));
      expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
      expect(await rowCount('orders')).toBe(1);
    });

    it('refuses a key that was used for another order', async () => {
      await post(good, { key: 'once' });
      const other = await post({ ...good, paymentMethod: 'pm_other' }, { key: 'once' });
      expect(other.status).toBe(422);
      expect(await rowCount('orders')).toBe(1);
    });

    it('keeps the keys of two customers apart', async () => {
      await post(good, { key: 'once' });
      const other = await post(good, { key: 'once', token: await sign(keys, { sub: 'bob' }) });
      expect(other).toMatchObject({ status: 201, body: { customerId: 'bob' } });
      expect(await rowCount('orders')).toBe(2);
    });

    it('lets a corrected order have the key of a refused one', async () => {
      const items = [{ sku: 'UNICORN', quantity: 1 }];
      expect((await post({ ...good, items }, { key: 'once' })).status).toBe(422);
      expect((await post(good, { key: 'once' })).status).toBe(201);
    });

    it('wants a key', async () => {
      expect((await post(good, { key: '' })).status).toBe(400);
      expect(await rowCount('orders')).toBe(0);
    });

    const item = { sku: 'MOUSE', quantity: 1 };
    it.each<[string, unknown, string]>([
      ['an unknown SKU', { ...good, items: [item, { sku: 'UNICORN', quantity: 1 }] }, '/items/1/sku'],
      ['another currency', { ...good, currency: 'USD' }, '/currency'],
      [
        'too high a total',
        { ...good, items: Array.from({ length: 50 }, () => ({ sku: 'MONITOR', quantity: 1_000 })) },
        '/items',
      ],
      ['no items', { ...good, items: [] }, '/items'],
      ['51 items', { ...good, items: Array.from({ length: 51 }, () => item) }, '/items'],
      ['missing items', { paymentMethod: 'pm_card_visa' }, '/items'],
      ['a fraction', { ...good, items: [{ ...item, quantity: 1.5 }] }, '/items/0/quantity'],
      ['a negative quantity', { ...good, items: [{ ...item, quantity: -1 }] }, '/items/0/quantity'],
      ['a quantity as text', { ...good, items: [{ ...item, quantity: '1' }] }, '/items/0/quantity'],
      [
        'a quantity that is too large',
        { ...good, items: [{ ...item, quantity: 1_001 }] },
        '/items/0/quantity',
      ],
      ['an own price', { ...good, items: [{ ...item, unitPriceCents: 1 }] }, '/items/0'],
      ['a customer', { ...good, customerId: 'eve' }, ''],
      ['a bad e-mail', { ...good, contact: { email: 'nobody' } }, '/contact/email'],
      ['a missing payment method', { items: [item] }, '/paymentMethod'],
      ['a card number with spaces', { ...good, paymentMethod: '4242 4242' }, '/paymentMethod'],
      ['a list', [good], ''],
    ])('refuses %s and points at it', async (_, body, pointer) => {
      const answer = await post(body);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer).toMatchObject({ status: 422, body: { status: 422 } });
      const pointers = answer.body.errors.map((problem: { pointer: string }) => problem.pointer);
      expect(pointers).toContain(pointer);
      expect(await rowCount('orders')).toBe(0);
      expect(await rowCount('outbox')).toBe(0);
    });

    it.each(['null', '5', '"order"', ''])('refuses the body %j with 400', async (body) => {
      expect(await post(body)).toMatchObject({ status: 400, body: { status: 400 } });
    });

    it('refuses broken JSON with 400 and a huge body with 413, and tells nothing of the inside', async () => {
      const broken = await post('{"items": [');
      expect(broken).toMatchObject({ status: 400, body: { status: 400 } });
      expect(JSON.stringify(broken.body)).not.toMatch(/at .*\.ts|node_modules|Unexpected/);
      expect(await post({ ...good, contact: { email: 'x'.repeat(70_000) } })).toMatchObject({ status: 413 });
    });

    it('refuses a token whose subject is no customer id', async () => {
      const token = await sign(keys, { sub: 'Robert"); drop table' });
      expect(await post(good, { token })).toMatchObject({ status: 403 });
    });
  });

  describe('a token', () => {
    it('is needed', async () => {
      expect(await post(good, { token: '' })).toMatchObject({ status: 401 });
      expect(await call('/api/v1/orders', { token: '' })).toMatchObject({ status: 401 });
      expect(await call('/api/v1/orders/ord-1', { token: '' })).toMatchObject({ status: 401 });
    });

    it.each<[string, () => Promise<string>]>([
      ['of another key', async () => sign(await generateKeyPair('EdDSA'))],
      ['that has expired', () => sign(keys, { expires: '1 minute ago' })],
      ['of another issuer', () => sign(keys, { issuer: 'https://evil.test' })],
      ['for another audience', () => sign(keys, { audience: 'payments' })],
      [
        'without a signature',
        async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"ada"}')}.`.replaceAll('=', ''),
      ],
      ['that is no token', async () => 'abc'],
    ])('%s is refused', async (_, token) => {
      expect(await post(good, { token: await token() })).toMatchObject({ status: 401 });
      expect(await rowCount('orders')).toBe(0);
    });
  });

  describe('GET', () => {
    const admin = () => sign(keys, { sub: 'root', roles: ['admin'] });
    const bob = () => sign(keys, { sub: 'bob' });

    it('shows an order to its customer and to admins, and to others that there is none', async () => {
      const { body } = await post(good);
      const path = `/api/v1/orders/${body.id}`;
      expect(await call(path)).toMatchObject({ status: 200, body });
      expect(await call(path, { token: await admin() })).toMatchObject({ status: 200, body });
      expect(await call(path, { token: await bob() })).toMatchObject({ status: 404 });
      expect(await call('/api/v1/orders/ord-none')).toMatchObject({ status: 404 });
      expect(await call("/api/v1/orders/x'%20or%20'1'='1")).toMatchObject({ status: 404 });
    });

    it('lists own orders page by page, newest first; admins see all', async () => {
      const ids: string[] = [];
      for (let count = 0; count < 5; count += 1) ids.unshift((await post(good)).body.id);
      await post(good, { token: await bob() });

      const seen: string[][] = [];
      let before: number | null = null;
      do {
        const cursor: string = before === null ? '' : `&before=${before}`;
        const { body } = await call(`/api/v1/orders?limit=2${cursor}`);
        seen.push(body.orders.map((order: { id: string }) => order.id));
        before = body.nextBefore;
      } while (before !== null);
      expect(seen).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
      expect((await call('/api/v1/orders', { token: await admin() })).body.orders).toHaveLength(6);
    });

    it.each(['limit=0', 'limit=101', 'limit=x', 'before=-1', 'befor=1'])(
      'refuses the query %s',
      async (query) => {
        expect(await call(`/api/v1/orders?${query}`)).toMatchObject({ status: 400 });
      },
    );

    it('answers 405 to what is not there', async () => {
      expect(await call('/api/v1/orders', { method: 'DELETE' })).toMatchObject({ status: 405 });
    });
  });
});
