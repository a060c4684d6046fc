import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHealth } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { createLogger } from '@sagamesh/runtime/logger';
import { createMetrics } from '@sagamesh/runtime/metrics';
import { authenticate, callerOf, requireRole } from './auth.ts';

const issuer = 'https://issuer.test';
const audience = 'sagamesh';
let folder: string;
let jwksFile: string;
let server: Server;
let base: string;
const lines: string[] = [];
let key: Awaited<ReturnType<typeof newKey>>;

async function newKey(alg: 'EdDSA' | 'ES256', kid: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  const sign = (claims: JWTPayload, expires = '5m', from = issuer, to = audience) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg, kid })
      .setIssuer(from)
      .setAudience(to)
      .setExpirationTime(expires)
      .sign(privateKey);
  return { jwk, sign };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sagamesh-auth-'));
  jwksFile = join(folder, 'jwks.json');
  key = await newKey('EdDSA', 'one');
  await writeFile(jwksFile, JSON.stringify({ keys: [key.jwk] }));
  const app = createHttpApp({
    logger: createLogger({ name: 'test', level: 'silent' }),
    health: createHealth({ version: '1', checks: [] }),
    metrics: createMetrics('test'),
    routes(router) {
      const destination = { write: (line: string) => void lines.push(line) };
      const logger = createLogger({ name: 'test', destination });
      const auth = authenticate({ jwks: { file: jwksFile }, issuer, audience, logger });
      router.get('/me', auth, (_request, response) => void response.json(callerOf(response)));
      router.get('/admin', auth, requireRole('admin'), (_request, response) => void response.json({}));
      const nowhere = authenticate({ jwks: { file: join(folder, 'absent.json') }, issuer, audience });
      router.get('/nowhere', nowhere, (_request, response) => void response.json({}));
      const first = authenticate({ jwks: { file: jwksFile }, issuer, audience });
      router.get('/first', first, (_request, response) => void response.json({}));
      // Two key sets over HTTP that cannot be had: another server's 500, and something that is no key set.
      for (const [path, status] of [
        ['/keys-500', 500],
        ['/keys-broken', 200],
      ] as const) {
        router.get(path, (_request, response) => void response.status(status).json({ keys: 'none' }));
        router.get(`${path}/me`, (request, response, next) => {
          const url = `http://${request.headers.host}${path}`;
          return authenticate({ jwks: { url }, issuer, audience })(request, response, next);
        });
      }
    },
  });
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, token?: string) =>
  fetch(base + path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });

test('a good token tells who calls', async () => {
  const response = await get('/me', await key.sign({ sub: 'ada', roles: ['admin'] }));
  expect(await response.json()).toEqual({ customerId: 'ada', roles: ['admin'] });
});

test('without a token: 401 with a challenge', async () => {
  const response = await get('/me');
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
  expect(response.headers.get('content-type')).toContain('application/problem+json');
});

test.each([
  ['expired', () => key.sign({ sub: 'ada' }, '-1m')],
  ['of another issuer', () => key.sign({ sub: 'ada' }, '5m', 'other')],
  ['for another audience', () => key.sign({ sub: 'ada' }, '5m', issuer, 'other')],
  ['without a subject', () => key.sign({})],
  ['signed with an unknown key', async () => (await newKey('EdDSA', 'one')).sign({ sub: 'ada' })],
  [
    'not signed at all',
    async () => new UnsecuredJWT({ sub: 'ada' }).setIssuer(issuer).setAudience(audience).encode(),
  ],
  ['signed with the public key as a shared secret', () => confused()],
  ['not a token', async () => 'abc.def.ghi'],
])('a token %s: 401', async (_name, make) => {
  const response = await get('/me', await make());
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
});

async function confused(): Promise<string> {
  const secret = new TextEncoder().encode(JSON.stringify(key.jwk));
  return new SignJWT({ sub: 'ada' })
    .setProtectedHeader({ alg: 'HS256', kid: 'one' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime('5m')
    .sign(secret);
}

test('a role that is missing: 403', async () => {
  expect((await get('/admin', await key.sign({ sub: 'ada', roles: ['clerk'] }))).status).toBe(403);
  expect((await get('/admin', await key.sign({ sub: 'ada', roles: ['admin'] }))).status).toBe(200);
});

test('keys that cannot be read are not the caller’s fault: 503', async () => {
  expect((await get('/nowhere', await key.sign({ sub: 'ada' }))).status).toBe(503);
});

test.each(['/keys-500/me', '/keys-broken/me'])(
  'a key set that is not served (%s) is not the caller’s fault: 503',
  async (path) => {
    expect((await get(path, await key.sign({ sub: 'ada' }))).status).toBe(503);
  },
);

test('requests that come while the keys are read for the first time wait for them', async () => {
  const token = await key.sign({ sub: 'ada' });
  const answers = await Promise.all(Array.from({ length: 8 }, () => get('/first', token)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
});

test('exchanged keys are read without a restart; a broken file keeps the last good ones', async () => {
  const next = await newKey('ES256', 'next');
  const token = await next.sign({ sub: 'bob' });
  await writeFile(jwksFile, JSON.stringify({ keys: [next.jwk] }));
  await expect.poll(async () => (await get('/me', token)).status, { timeout: 5_000 }).toBe(200);
  await expect.poll(async () => (await get('/me', await key.sign({ sub: 'ada' }))).status).toBe(401);
  await writeFile(jwksFile, 'not json');
  const until = performance.now() + 1_200;
  await expect
    .poll(async () => [(await get('/me', token)).status, performance.now() > until], { timeout: 5_000 })
    .toEqual([200, true]);
  const told = lines.map((line): unknown => JSON.parse(line));
  expect(told).toMatchObject([{ level: 'error', file: jwksFile, err: { type: 'SyntaxError' } }]);
});
