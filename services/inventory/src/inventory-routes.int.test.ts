import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticate } from '@sagamesh/kit/auth';
import type { Db } from '@sagamesh/kit/db';
import { createOutbox } from '@sagamesh/kit/outbox';
import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import type { Cache } from '@sagamesh/runtime/cache';
import { createHealth } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { type RunningServer, startHttpServer } from '@sagamesh/runtime/http-server';
import { createMetrics } from '@sagamesh/runtime/metrics';
import { silentLogger } from '@sagamesh/runtime/testing/silent-logger';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedCatalogue } from './catalogue.ts';
import { demandSubscription } from './demand-events.ts';
import { inventoryMigrations } from './inventory-migrations.ts';
import { addInventoryRoutes } from './inventory-routes.ts';
import { createStockCache } from './stock-cache.ts';
import { seedStock } from './stock-store.ts';

const issuer = 'https://issuer.test';
const audience = 'inventory';

function mapCache(): Cache {
  const entries = new Map<string, string>();
  return {
    get: async (key) => entries.get(key),
    set: async (key, value) => void entries.set(key, value),
    delete: async (key) => void entries.delete(key),
    ping: async () => {},
    close: async () => {},
  };
}

interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a foreign client reads; every use compares it with toMatchObject
  readonly body: any;
}

describe.each(['pglite', 'postgres'] as const)('HTTP of the inventory service on %s', (engine) => {
  const cache = createStockCache({ cache: mapCache(), ttlMillis: 60_000 });
  let directory: string;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let db: Db;
  let server: RunningServer;
  const closing: (() => Promise<void> | void)[] = [];

  async function serve(): Promise<RunningServer> {
    const health = createHealth({ version: 'test', checks: [] });
    const jwks = { file: join(directory, 'jwks.json') };
    const app = createHttpApp({
      logger: silentLogger,
      health,
      metrics: createMetrics('inventory'),
      routes: (router) => {
        addInventoryRoutes(router, {
          db,
          cache,
          authenticate: authenticate({ jwks, issuer, audience }),
        });
      },
    });
    const running = await startHttpServer({ app, host: '127.0.0.1', port: 0, health });
    closing.unshift(
      () => running.stop(1_000),
      () => health.close(),
    );
    return running;
  }

  beforeAll(async () => {
    keys = await generateKeyPair('EdDSA');
    directory = await mkdtemp(join(tmpdir(), 'inventory-routes-'));
    const jwk = { ...(await exportJWK(keys.publicKey)), alg: 'EdDSA', use: 'sig', kid: 'k1' };
    await writeFile(join(directory, 'jwks.json'), JSON.stringify({ keys: [jwk] }));
    db = await openTestDatabase(engine, inventoryMigrations);
    await seedStock(db, seedCatalogue);
    server = await serve();
  });
  afterAll(async () => {
    for (const close of closing) await close();
    await db.close();
    await stopTestPostgres();
    await rm(directory, { recursive: true });
  });

  function token(roles: readonly string[], expires = '5m'): Promise<string> {
    return new SignJWT({ roles })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
      .setSubject('root')
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(expires)
      .sign(keys.privateKey);
  }
  async function get(path: string): Promise<Answer> {
    const response = await fetch(server.url + path);
    return { status: response.status, body: await response.json() };
  }
  let keyNumber = 0;
  async function restock(
    sku: string,
    body: unknown,
    options: { readonly key?: string; readonly token?: string } = {},
  ): Promise<Answer> {
    const { key = `key-${(keyNumber += 1)}` } = options;
    const bearer = options.token ?? (await token(['admin']));
    const response = await fetch(`${server.url}/api/v1/inventory/${sku}/restock`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        ...(key === '' ? {} : { 'idempotency-key': key }),
        ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
      },
    });
    return { status: response.status, body: await response.json() };
  }
  const available = async (sku: string) => (await get(`/api/v1/inventory/${sku}`)).body.available;
  const restocks = async (sku: string) =>
    (await db.query(`select 1 from movements where sku = $1 and kind = 'restocked'`, [sku])).rowCount;

  describe('GET', () => {
    it('shows one SKU', async () => {
      expect(await get('/api/v1/inventory/WEBCAM')).toEqual({
        status: 200,
        body: { sku: 'WEBCAM', available: 0, reserved: 0, sold: 0, demanded: 0 },
      });
    });

    it.each(['UNICORN', 'webcam', "x'%20or%20'1'='1", 'x'.repeat(300), '..%2f..'])(
      'knows no SKU %s',
      async (sku) => {
        expect(await get(`/api/v1/inventory/${sku}`)).toMatchObject({ status: 404, body: { status: 404 } });
      },
    );

    it('lists all SKUs in order, page by page', async () => {
      const skus: string[] = [];
      let after: string | null = null;
      do {
        const cursor: string = after === null ? '' : `&after=${after}`;
        const { body } = await get(`/api/v1/inventory?limit=3${cursor}`);
        skus.push(...body.items.map((item: { sku: string }) => item.sku));
        after = body.nextAfter;
      } while (after !== null);
      expect(skus).toEqual(seedCatalogue.map(({ sku }) => sku).toSorted());
    });

    it.each(['limit=0', 'limit=x', 'limit=1000', 'after=%00', 'aftr=A'])(
      'refuses the query %s',
      async (query) => {
        expect(await get(`/api/v1/inventory?${query}`)).toMatchObject({ status: 400 });
      },
    );
  });

  describe('restocking', () => {
    it('adds to what is available, writes a movement, and every reader sees it', async () => {
      const before = await available('MOUSE');
      const answer = await restock('MOUSE', { quantity: 5 });
      expect(answer).toMatchObject({ status: 200, body: { sku: 'MOUSE', available: before + 5 } });
      expect(await available('MOUSE')).toBe(before + 5);
      expect(await restocks('MOUSE')).toBe(1);
    });

    it('happens once per key, also when asked at once', async () => {
      const answers = await Promise.all(
        [1, 2, 3].map(() => restock('DOCK', { quantity: 5 }, { key: 'dock' })),
      );
      expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
      expect(await restock('DOCK', { quantity: 5 }, { key: 'dock' })).toMatchObject({ status: 200 });
      expect(await restocks('DOCK')).toBe(1);
    });

    it('refuses a key that was used for another quantity', async () => {
      await restock('HEADSET', { quantity: 1 }, { key: 'headset' });
      expect(await restock('HEADSET', { quantity: 2 }, { key: 'headset' })).toMatchObject({ status: 422 });
      expect(await restocks('HEADSET')).toBe(1);
    });

    it('wants a key, a known SKU and an admin', async () => {
      expect(await restock('KEYBOARD', { quantity: 1 }, { key: '' })).toMatchObject({ status: 400 });
      expect(await restock('UNICORN', { quantity: 1 })).toMatchObject({ status: 404 });
      expect(await restock('KEYBOARD', { quantity: 1 }, { token: '' })).toMatchObject({ status: 401 });
      expect(await restock('KEYBOARD', { quantity: 1 }, { token: await token([]) })).toMatchObject({
        status: 403,
      });
      const expired = await token(['admin'], '1 minute ago');
      expect(await restock('KEYBOARD', { quantity: 1 }, { token: expired })).toMatchObject({ status: 401 });
      expect(await restocks('KEYBOARD')).toBe(0);
    });

    it.each([
      [{ quantity: 0 }, 422],
      [{ quantity: -5 }, 422],
      [{ quantity: 1.5 }, 422],
      [{ quantity: '5' }, 422],
      [{ quantity: 1e15 }, 422],
      [{ quantity: 5, sku: 'MOUSE' }, 422],
      [{}, 422],
      [[], 422],
      ['{"quantity"', 400],
      ['null', 400],
      [{ quantity: 1, note: 'x'.repeat(70_000) }, 413],
    ])('refuses %j with %i', async (body, status) => {
      expect(await restock('KEYBOARD', body)).toMatchObject({ status, body: { status } });
      expect(await restocks('KEYBOARD')).toBe(0);
    });
  });

  describe('demand', () => {
    const event = {
      eventId: 'event-1',
      eventType: 'order.created',
      aggregateId: 'ord-1',
      timestamp: '2030-01-01T00:00:00.000Z',
      version: 1,
      payload: {
        order: {
          id: 'ord-1',
          customerId: 'ada',
          currency: 'EUR',
          items: [
            { sku: 'WEBCAM', quantity: 2, unitPriceCents: 5_999 },
            { sku: 'WEBCAM', quantity: 1, unitPriceCents: 5_999 },
            { sku: 'NOT-SOLD-HERE', quantity: 1, unitPriceCents: 1 },
          ],
          paymentMethod: 'pm_card_visa',
        },
        totalCents: 17_998,
      },
    };
    const receive = (eventId: string) =>
      demandSubscription(cache).receive(
        {
          subject: 'events.order.created',
          body: new TextEncoder().encode(JSON.stringify({ ...event, eventId })),
          headers: { get: () => undefined },
          deliveryCount: 1,
          streamSequence: 1,
        },
        { db, outbox: createOutbox() },
      );

    it('counts each order.created once, also one that is announced again, and takes nothing from stock', async () => {
      await get('/api/v1/inventory/WEBCAM');
      expect(await receive('event-1')).toMatchObject({ kind: 'processed' });
      expect(await receive('event-1')).toMatchObject({ kind: 'duplicate' });
      expect((await get('/api/v1/inventory/WEBCAM')).body).toMatchObject({ demanded: 3, available: 0 });
      await receive('event-2');
      expect((await get('/api/v1/inventory/WEBCAM')).body).toMatchObject({ demanded: 6, available: 0 });
    });
  });
});
