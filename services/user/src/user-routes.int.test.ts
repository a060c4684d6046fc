import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orderSchema } from '@sagamesh/contracts/order';
import {
  addNextKey,
  firstSigningKeys,
  promoteNextKey,
  publicJwks,
  type SigningKeys,
} from '@sagamesh/contracts/signing-keys';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { authenticate } from '@sagamesh/kit/auth';
import type { Db } from '@sagamesh/kit/db';
import { createOutbox } from '@sagamesh/kit/outbox';
import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { ensureError } from '@sagamesh/runtime/errors';
import { createHealth } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { type RunningServer, startHttpServer } from '@sagamesh/runtime/http-server';
import { createMetrics } from '@sagamesh/runtime/metrics';
import { silentLogger } from '@sagamesh/runtime/testing/silent-logger';
import { newSigningKey } from '@sagamesh/sandbox/new-signing-key';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureFirstAdmin } from './first-admin.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { signingKeysFromFile } from './signing-keys-file.ts';
import { userMigrations } from './user-migrations.ts';
import { addUserRoutes } from './user-routes.ts';
import { createWorkLimit } from './work-limit.ts';

const ada = { name: 'Ada Lovelace', email: 'ada@example.org', password: 'correct horse battery' };
const root = { email: 'root@example.org', password: 'the first of all admins' };
const ttlSeconds = 900;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a foreign client reads; every use compares it with toMatchObject
  readonly body: any;
}

describe.each(['pglite', 'postgres'] as const)('HTTP of the user service on %s', (engine) => {
  let directory: string;
  let db: Db;
  let server: RunningServer;
  let close: () => void;
  let keys: SigningKeys;
  /** How often a password was put through scrypt. */
  let derivations = 0;
  const cheap = createPasswords({ cost: { ln: 4, r: 8, p: 1 } });
  /** What is done instead while no more passwords can be taken on. */
  let refusal: Error | undefined;
  function derive<T>(work: () => Promise<T>): Promise<T> {
    derivations += 1;
    return refusal === undefined ? work() : Promise.reject(refusal);
  }
  const passwords: Passwords = {
    hash: (password) => derive(() => cheap.hash(password)),
    matches: (password, stored) => derive(() => cheap.matches(password, stored)),
  };
  const outbox = createOutbox();

  async function storeKeys(next: SigningKeys): Promise<void> {
    keys = next;
    for (const [name, contents] of [
      ['jwks.json', publicJwks(next)],
      ['keys.json', next],
    ] as const) {
      await writeFile(join(directory, `${name}.new`), JSON.stringify(contents));
      await rename(join(directory, `${name}.new`), join(directory, name));
    }
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'user-routes-'));
    await storeKeys(firstSigningKeys(newSigningKey(Date.now())));
    db = await openTestDatabase(engine, userMigrations);
    const health = createHealth({ version: 'test', checks: [] });
    close = () => health.close();
    const app = createHttpApp({
      logger: silentLogger,
      health,
      metrics: createMetrics('user'),
      routes: (router) => {
        addUserRoutes(router, {
          db,
          outbox,
          passwords,
          keys: signingKeysFromFile(join(directory, 'keys.json'), silentLogger),
          tokenTtlSeconds: ttlSeconds,
          authenticate: authenticate({
            jwks: { file: join(directory, 'jwks.json') },
            issuer: tokenIssuer,
            audience: tokenAudience,
          }),
        });
      },
    });
    server = await startHttpServer({ app, host: '127.0.0.1', port: 0, health });
  });
  beforeEach(() => db.exec('truncate users, outbox, idempotency_key'));
  afterAll(async () => {
    await server.stop(1_000);
    close();
    await db.close();
    await stopTestPostgres();
    await rm(directory, { recursive: true });
  });

  async function get(path: string, token?: string): Promise<Answer> {
    const response = await fetch(server.url + path, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(server.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  let keyNumber = 0;
  const register = (change: object = {}, key = `key-${(keyNumber += 1)}`) =>
    post('/api/v1/users', { ...ada, ...change }, key === '' ? {} : { 'idempotency-key': key });
  const signIn = (credentials: object) => post('/api/v1/users/token', credentials);
  const tokenOf = async ({ email, password }: { readonly email: string; readonly password: string }) =>
    String((await signIn({ email, password })).body.token);
  const addRoot = () => ensureFirstAdmin({ db, outbox, logger: silentLogger }, passwords, root);

  /** Every row of every table of this service, as text. */
  async function everythingStored(): Promise<string> {
    const tables = ['users', 'outbox', 'idempotency_key'];
    const found = await Promise.all(tables.map((table) => db.query(`select t::text as row from ${table} t`)));
    return JSON.stringify(found.map(({ rows }) => rows));
  }
  const events = async () => (await db.query(`select event from outbox order by seq`)).rows;

  describe('registering', () => {
    it('makes an account and tells of it, without a word about the person', async () => {
      const answer = await register();
      const { id } = answer.body;
      expect(answer).toMatchObject({ status: 201, body: { name: ada.name, email: ada.email, roles: [] } });
      expect(answer.headers.get('location')).toBe(`/api/v1/users/${id}`);
      expect(await events()).toMatchObject([
        { event: { eventType: 'user.registered', aggregateId: id, payload: { userId: id } } },
      ]);
      expect(JSON.stringify(await events())).not.toContain('ada');
    });

    it('gives an id that an order can carry as its customer', async () => {
      const { id } = (await register()).body;
      expect(orderSchema.shape.customerId.safeParse(id)).toMatchObject({ success: true });
    });

    it('keeps the password nowhere, and answers nothing that comes from it', async () => {
      const answer = await register();
      expect(JSON.stringify(answer.body)).not.toMatch(/password|scrypt/);
      const stored = await everythingStored();
      expect(stored).toContain('$scrypt$ln=4,r=8,p=1$');
      expect(stored).not.toContain(ada.password);
    });

    it('keeps no fast hash of the password: what a repeated request is known by does not depend on it', async () => {
      const hashes = async () =>
        (await db.query<{ body_hash: string }>('select body_hash from idempotency_key')).rows;
      await register({}, 'k');
      const first = await hashes();
      await db.exec('truncate users, outbox, idempotency_key');
      await register({ password: 'another password altogether' }, 'k');
      expect(await hashes()).toEqual(first);
    });

    it('happens once per key, and a repetition gets the same answer', async () => {
      const first = await register({}, 'once');
      const again = await register({}, 'once');
      expect(again).toMatchObject({ status: 201, body: first.body });
      expect(again.headers.get('location')).toBe(first.headers.get('location'));
      expect(await events()).toHaveLength(1);
    });

    it.each([{ name: 'Ada King' }, { password: 'another password altogether' }])(
      'refuses a key that was used with other contents: %j',
      async (change) => {
        await register({}, 'once');
        expect(await register(change, 'once')).toMatchObject({ status: 422 });
      },
    );

    it('refuses an address that is taken, however it is written', async () => {
      await register();
      expect(await register({ name: 'Eve' })).toMatchObject({ status: 409 });
      expect(await register({ email: 'ADA@Example.org' })).toMatchObject({ status: 409 });
      expect(await events()).toHaveLength(1);
    });

    it('gives one of many that ask for the same address at once an account', async () => {
      const answers = await Promise.all([1, 2, 3, 4].map(() => register()));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(3);
    });

    it.each([
      [{ password: 'too short' }, '/password'],
      [{ password: 'x'.repeat(129) }, '/password'],
      [{ email: 'ada' }, '/email'],
      [{ name: ' ' }, '/name'],
      [{ name: 'Ada\u0000' }, '/name'],
      [{ name: 'x'.repeat(101) }, '/name'],
      [{ roles: ['admin'] }, ''],
    ])('refuses %j', async (change, pointer) => {
      expect(await register(change)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
      expect(await events()).toEqual([]);
    });

    it('wants an Idempotency-Key', async () => {
      expect(await register({}, '')).toMatchObject({ status: 400 });
    });
  });

  describe('getting a token', () => {
    it('answers one that everybody accepts who knows the published keys', async () => {
      const { id } = (await register()).body;
      const answer = await signIn({ email: 'Ada@example.org', password: ada.password });
      expect(answer).toMatchObject({
        status: 200,
        body: { tokenType: 'Bearer', expiresInSeconds: ttlSeconds, userId: id },
      });
      expect(answer.headers.get('cache-control')).toBe('no-store');
      const published = await get('/.well-known/jwks.json');
      const { payload, protectedHeader } = await jwtVerify(
        answer.body.token,
        createLocalJWKSet(published.body),
        { issuer: tokenIssuer, audience: tokenAudience, algorithms: ['EdDSA'] },
      );
      expect(payload).toMatchObject({ sub: id, roles: [] });
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(ttlSeconds);
      expect(JSON.stringify(payload)).not.toContain('ada');
      expect(protectedHeader.kid).toBe(keys.keys[0]?.kid);
    });

    it('is answered alike, after the same work, for a wrong password and for nobody', async () => {
      await register();
      const refused = async (credentials: object) => {
        const before = derivations;
        const { status, headers, body } = await signIn(credentials);
        const { correlationId: _, traceId: __, ...rest } = body;
        return { status, challenge: headers.get('www-authenticate'), rest, work: derivations - before };
      };
      const wrong = await refused({ email: ada.email, password: 'not the password' });
      const nobody = await refused({ email: 'nobody@example.org', password: 'not the password' });
      expect(wrong).toMatchObject({ status: 401, challenge: 'Bearer', work: 1 });
      expect(nobody).toEqual(wrong);
    });

    it('tells everybody to come again later while too many passwords are being checked', async () => {
      const { id } = (await register()).body;
      const token = await tokenOf(ada);
      const full = createWorkLimit({ atOnceMax: 0, waitingMax: 0, waitMaxMillis: 0, retryAfterSeconds: 3 });
      refusal = await full.run(() => Promise.reject(new Error('this never begins'))).catch(ensureError);
      try {
        for (const answer of [await signIn({ email: ada.email, password: ada.password }), await register()]) {
          expect(answer.status).toBe(429);
          expect(answer.headers.get('retry-after')).toBe('3');
        }
        expect(await get(`/api/v1/users/${id}`, token)).toMatchObject({ status: 200 });
      } finally {
        refusal = undefined;
      }
    });

    it('takes a password in another Unicode form of the same characters', async () => {
      await register({ password: 'cr\u00e8me br\u00fbl\u00e9e' });
      expect(await signIn({ email: ada.email, password: 'cre\u0300me bru\u0302le\u0301e' })).toMatchObject({
        status: 200,
      });
    });
  });

  describe('reading accounts', () => {
    it('is for the owner and for administrators, and a stranger learns nothing', async () => {
      const { id } = (await register()).body;
      const eve = { name: 'Eve', email: 'eve@example.org', password: 'what does ada have' };
      await register(eve);
      await addRoot();
      expect(await get(`/api/v1/users/${id}`, await tokenOf(ada))).toMatchObject({
        status: 200,
        body: { id, email: ada.email },
      });
      expect(await get(`/api/v1/users/${id}`, await tokenOf(root))).toMatchObject({ status: 200 });
      const stranger = await get(`/api/v1/users/${id}`, await tokenOf(eve));
      const nobody = await get('/api/v1/users/usr-nobody', await tokenOf(eve));
      expect(stranger).toMatchObject({ status: 404, body: { detail: nobody.body.detail } });
      expect(await get(`/api/v1/users/${id}`)).toMatchObject({ status: 401 });
    });

    it('shows all of them to administrators only, newest first, page by page', async () => {
      await register();
      await addRoot();
      const admin = await tokenOf(root);
      const first = await get('/api/v1/users?limit=1', admin);
      expect(first.body).toMatchObject({ users: [{ email: root.email, roles: ['admin'] }] });
      const second = await get(`/api/v1/users?limit=1&before=${first.body.nextBefore}`, admin);
      expect(second.body).toMatchObject({ users: [{ email: ada.email }], nextBefore: null });
      expect(JSON.stringify([first.body, second.body])).not.toContain('scrypt');
      expect(await get('/api/v1/users', await tokenOf(ada))).toMatchObject({ status: 403 });
      expect(await get('/api/v1/users?limit=0', admin)).toMatchObject({ status: 400 });
    });
  });

  describe('the first administrator', () => {
    it('is made once, and keeps the password it has', async () => {
      await addRoot();
      await ensureFirstAdmin({ db, outbox, logger: silentLogger }, passwords, {
        ...root,
        password: 'a later setting',
      });
      expect(await events()).toHaveLength(1);
      expect(await signIn(root)).toMatchObject({ status: 200 });
    });

    it('is nobody who took the address before', async () => {
      await register({ email: root.email });
      await addRoot();
      const token = await tokenOf({ email: root.email, password: ada.password });
      expect(await get('/api/v1/users', token)).toMatchObject({ status: 403 });
    });
  });

  describe('the keys', () => {
    it('are published without their secret halves, for a minute', async () => {
      const answer = await get('/.well-known/jwks.json');
      expect(answer.headers.get('cache-control')).toBe('public, max-age=60');
      expect(answer.body).toEqual(publicJwks(keys));
    });

    it('are exchanged while the service runs, and tokens of the old one stay good', async () => {
      const { id } = (await register()).body;
      const old = await tokenOf(ada);
      await storeKeys(addNextKey(keys, newSigningKey(Date.now())));
      await waitUntil(
        async () => (await get('/.well-known/jwks.json')).body.keys.length === keys.keys.length,
        {
          timeoutMillis: 30_000,
          what: 'the next key to be published',
        },
      );
      expect(decodeProtectedHeader(await tokenOf(ada)).kid).toBe(decodeProtectedHeader(old).kid);
      await storeKeys(promoteNextKey(keys, Date.now()));
      const promoted = keys.keys.at(-1)?.kid;
      await waitUntil(async () => decodeProtectedHeader(await tokenOf(ada)).kid === promoted, {
        timeoutMillis: 30_000,
        what: 'a token of the new key',
      });
      expect(await get(`/api/v1/users/${id}`, old)).toMatchObject({ status: 200 });
      expect(await get(`/api/v1/users/${id}`, await tokenOf(ada))).toMatchObject({ status: 200 });
    });
  });
});
