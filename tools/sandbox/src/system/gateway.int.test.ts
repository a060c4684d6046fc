/** The sandbox's gateway on a real Envoy, in front of services that the test plays itself. */
import { existsSync, rmSync, unwatchFile, watchFile } from 'node:fs';
import type { Stats } from 'node:fs';
import { addNextKey, promoteNextKey, signingKeyOf } from '@sagamesh/contracts/signing-keys';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { gatewayRoutes, rateLimits } from '@sagamesh/gateway/routes';
import { SignJWT, generateKeyPair, importJWK } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { envoyForTests } from '../envoy-for-tests.ts';
import { newSigningKey } from '../new-signing-key.ts';
import { ok, startGatewayBench } from '../testing/gateway-bench.ts';
import type { FakeService, GatewayBench } from '../testing/gateway-bench.ts';
import { waitUntil } from '../wait-until.ts';
import type { TokenSigner } from './token-signer.ts';

const envoy = await envoyForTests('the gateway of the sandbox');

describe.skipIf(envoy === undefined)('the gateway of the sandbox', () => {
  let bench: GatewayBench;
  let tokens: TokenSigner;
  let order: FakeService;
  let user: FakeService;
  let call: GatewayBench['call'];
  let bearer: GatewayBench['bearer'];

  beforeAll(async () => {
    bench = await startGatewayBench(envoy ?? '');
    ({ tokens, order, user, call, bearer } = bench);
  });

  afterAll(() => bench?.stop());

  afterEach(() => {
    for (const fake of [order, user]) {
      fake.answer = ok;
      fake.asked.length = 0;
    }
  });

  /** Right in everything but what is told. */
  async function oddToken(odd: {
    readonly expiresIn?: string;
    readonly issuer?: string;
    readonly audience?: string;
    readonly forged?: boolean;
  }): Promise<string> {
    const { kid, privateJwk } = signingKeyOf(tokens.keys());
    const own = await importJWK(privateJwk, 'EdDSA');
    const key = odd.forged === true ? (await generateKeyPair('EdDSA')).privateKey : own;
    return new SignJWT({ roles: [] })
      .setProtectedHeader({ alg: 'EdDSA', kid })
      .setSubject('grace')
      .setIssuer(odd.issuer ?? tokenIssuer)
      .setAudience(odd.audience ?? tokenAudience)
      .setIssuedAt()
      .setExpirationTime(odd.expiresIn ?? '1h')
      .sign(key);
  }

  it.each(gatewayRoutes.filter(({ access }) => access === 'token'))(
    'asks for a token at $name, and passes it on with the request',
    async ({ path, methods, service }) => {
      const where = 'exact' in path ? path.exact : `${path.prefix}/1`;
      const fake = service === 'order' ? order : user;
      const refused = await call(methods[0] ?? '', where);
      expect(refused.status).toBe(401);
      expect(fake.asked).toEqual([]);
      const headers = await bearer();
      expect((await call(methods[0] ?? '', where, headers)).status).toBe(200);
      expect(fake.asked.map((one) => one.headers.authorization)).toEqual([headers.authorization]);
    },
  );

  it.each(gatewayRoutes.filter(({ access }) => access === 'anybody'))(
    'asks for no token at $name',
    async ({ path, methods }) => {
      const where = 'exact' in path ? path.exact : path.prefix;
      expect((await call(methods[0] ?? '', where)).status).toBe(200);
      expect(user.asked).toHaveLength(1);
    },
  );

  it.each([
    { what: 'an expired token', status: 401, claims: { expiresIn: '-1h' } },
    { what: 'a token of another issuer', status: 401, claims: { issuer: 'https://elsewhere.example' } },
    { what: 'a token for another audience', status: 403, claims: { audience: 'somebody-else' } },
    { what: 'a token signed with another key under our key id', status: 401, claims: { forged: true } },
  ])('refuses $what', async ({ status, claims }) => {
    const headers = { authorization: `Bearer ${await oddToken(claims)}` };
    const answer = await call('POST', '/api/v1/orders', headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ status });
    expect(order.asked).toEqual([]);
  });

  it('reads no token from an address, which ends in logs', async () => {
    const [, token = ''] = (await bearer()).authorization.split(' ');
    expect((await call('GET', `/api/v1/orders?access_token=${token}`)).status).toBe(401);
    expect(order.asked).toEqual([]);
  });

  it('answers for itself with problems that carry the correlation id', async () => {
    const { status, headers, body } = await call('GET', '/api/v1/orders/1?a=b', {
      'x-correlation-id': 'mine',
    });
    expect(status).toBe(401);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('x-correlation-id')).toBe('mine');
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'Jwt is missing',
      instance: '/api/v1/orders/1',
      correlationId: 'mine',
    });
  });

  it("passes the service's own failures on as they are", async () => {
    order.answer = (_request, response) => response.writeHead(409, { 'x-own': 'yes' }).end('my own words');
    const { status, headers, body } = await call('POST', '/api/v1/orders', await bearer());
    expect({ status, own: headers.get('x-own'), body }).toEqual({
      status: 409,
      own: 'yes',
      body: 'my own words',
    });
  });

  it('knows no other paths and no other methods', async () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/api/v1/ordersx'],
      ['GET', '/metrics'],
      ['DELETE', '/api/v1/orders/1'],
    ] as const) {
      expect({ path, status: (await call(method, path)).status }).toEqual({ path, status: 404 });
    }
    expect(order.asked).toEqual([]);
  });

  it('knows one spelling of a path, and refuses one that could be read in two ways', async () => {
    const headers = await bearer();
    expect((await call('GET', '//api/v1//orders', headers)).status).toBe(200);
    expect(order.asked.map(({ url }) => url)).toEqual(['/api/v1/orders']);
    const odd = await call('GET', '/api/v1/users/..%2Forders', headers);
    expect(odd.status).toBe(400);
    expect(odd.headers.get('content-type')).toBe('application/problem+json');
    expect(user.asked).toEqual([]);
  });

  it('returns and logs no more of a correlation id than an id may have, whatever is in it', async () => {
    const given = `"},\\u0000<b>${'x'.repeat(20_000)}`;
    const { headers, body } = await call('GET', '/api/v1/orders', { 'x-correlation-id': given });
    expect(headers.get('x-correlation-id')).toBe(given.slice(0, 128));
    expect(JSON.parse(body)).toMatchObject({ status: 401, correlationId: given.slice(0, 128) });
  });

  it.each([
    '/api/v1/orders/../../../metrics',
    '/api/v1/orders/%2e%2e/%2e%2e/%2e%2e/metrics',
    '/api/v1/orders%2f..%2f..%2f..%2fmetrics',
    String.raw`/api/v1/orders/..\..\..\metrics`,
  ])('lets nobody climb out of the API: %s', async (path) => {
    const refused = await bench.statusOfRaw(path, await bearer());
    expect([400, 404]).toContain(refused);
    expect(order.asked).toEqual([]);
  });

  it("gives the service the caller's correlation id, or one that it makes, and tells the caller", async () => {
    const headers = await bearer();
    expect(
      (await call('GET', '/api/v1/orders', { ...headers, 'x-correlation-id': 'c-1' })).headers.get(
        'x-correlation-id',
      ),
    ).toBe('c-1');
    const made = (await call('GET', '/api/v1/orders', headers)).headers.get('x-correlation-id');
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    expect(order.asked.map((one) => one.headers['x-correlation-id'])).toEqual(['c-1', made]);
  });

  it('leaves the last word on the correlation id to the service', async () => {
    order.answer = (_request, response) => response.setHeader('x-correlation-id', 'another').end();
    const answer = await call('GET', '/api/v1/orders', { ...(await bearer()), 'x-correlation-id': '?!' });
    expect(answer.headers.get('x-correlation-id')).toBe('another');
  });

  it('sends a POST once, also when the caller asks Envoy for more; a GET again', async () => {
    order.answer = (request) => request.socket.destroy();
    const asking = { ...(await bearer()), 'x-envoy-retry-on': '5xx,reset', 'x-envoy-max-retries': '2' };
    const posted = await call('POST', '/api/v1/orders', asking);
    expect(posted.status).toBe(503);
    expect(JSON.parse(posted.body)).toMatchObject({
      detail: expect.stringContaining('may have been acted upon'),
    });
    expect(order.asked.map(({ method }) => method)).toEqual(['POST']);
    expect((await call('GET', '/api/v1/orders', asking)).status).toBe(503);
    const again = order.asked.slice(1).map(({ method }) => method);
    expect(again.length).toBeGreaterThan(1);
    expect(new Set(again)).toEqual(new Set(['GET']));
  });

  it('calls a service that failed again and again no more, until a pause is over', async () => {
    order.answer = (_request, response) => response.writeHead(503).end();
    const headers = await bearer();
    const isOpen = async () => {
      const before = order.asked.length;
      await call('POST', '/api/v1/orders', headers);
      return order.asked.length === before;
    };
    await waitUntil(isOpen, { timeoutMillis: 20_000, what: 'the circuit to open' });
    order.answer = ok;
    expect((await call('GET', '/api/v1/users', headers)).status).toBe(200);
    const isBack = async () => (await call('GET', '/api/v1/orders', headers)).status === 200;
    await waitUntil(isBack, { timeoutMillis: 30_000, intervalMillis: 300, what: 'the circuit to close' });
  });

  it('goes on calling a service that tells callers to slow down', async () => {
    user.answer = (_request, response) => response.writeHead(429, { 'retry-after': '2' }).end();
    for (let number = 0; number < 10; number += 1) {
      expect((await call('POST', '/api/v1/users/token')).status).toBe(429);
    }
    expect(user.asked).toHaveLength(10);
    user.answer = ok;
    expect((await call('GET', '/api/v1/users', await bearer())).status).toBe(200);
  });

  it('accepts tokens of a key that was added while it runs', async () => {
    exchangeKey(tokens);
    await untilAccepted(bench);
    expect(user.asked.length).toBeGreaterThan(0);
  });

  it('goes on with the keys it has while their file is away, and takes up those that come', async () => {
    const { jwksFile } = tokens;
    const isGone = new Promise<void>((resolve) => {
      // Node looks once for all that watch a file: so the gateway has noticed, too.
      const listener = ({ nlink }: Stats) => {
        if (nlink > 0) return;
        unwatchFile(jwksFile, listener);
        resolve();
      };
      watchFile(jwksFile, listener);
    });
    rmSync(jwksFile);
    await isGone;
    expect((await call('GET', '/api/v1/users', await bearer())).status).toBe(200);
    exchangeKey(tokens);
    await untilAccepted(bench);
  });
});

function exchangeKey(tokens: TokenSigner): void {
  tokens.store(promoteNextKey(addNextKey(tokens.keys(), newSigningKey(Date.now())), Date.now()));
}

/** Tokens of the key that signs now. */
async function untilAccepted({ call, bearer }: GatewayBench): Promise<void> {
  const headers = await bearer();
  const isKnown = async () => (await call('GET', '/api/v1/users', headers)).status === 200;
  await waitUntil(isKnown, { timeoutMillis: 30_000, what: 'the new key to be known' });
}

it.skipIf(envoy === undefined)('takes up a key that is exchanged while it starts', async () => {
  const bench = await startGatewayBench(envoy ?? '', async ({ dataDir, tokens }) => {
    const isStarting = () => existsSync(dataDir.file('gateway', 'listeners.json'));
    await waitUntil(isStarting, {
      timeoutMillis: 30_000,
      intervalMillis: 1,
      what: 'the first configuration',
    });
    exchangeKey(tokens);
  });
  onTestFinished(() => bench.stop());
  await untilAccepted(bench);
  expect(bench.user.asked.length).toBeGreaterThan(0);
});

describe.skipIf(envoy === undefined)('the rate limits of the gateway', () => {
  const burst = rateLimits.orders.requestsPerMinute + 40;
  let bench: GatewayBench;

  beforeAll(async () => {
    bench = await startGatewayBench(envoy ?? '');
  });

  afterAll(() => bench?.stop());

  it('let orders wait after a full bucket, GET and POST alike, and tell when to come back; users go on', async () => {
    const headers = await bench.bearer();
    // Who is refused earlier spends nothing.
    await bench.callAtOnce(50, () => bench.call('POST', '/api/v1/orders'));
    await bench.callAtOnce(50, () => bench.call('DELETE', '/api/v1/orders', headers));
    const answers = await bench.callAtOnce(burst, (index) =>
      bench.call(index % 2 === 0 ? 'GET' : 'POST', '/api/v1/orders', headers),
    );
    const refused = answers.filter(({ status }) => status === 429);
    // The bucket is filled again all the time, so how many get through beyond it depends on how long they take.
    expect(answers.filter(({ status }) => status === 200).length).toBe(burst - refused.length);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(40);
    for (const { headers: told, body } of refused) {
      expect(Number(told.get('retry-after'))).toBeGreaterThan(0);
      expect(told.get('x-ratelimit-limit')).toBe('100');
      expect(told.get('content-type')).toBe('application/problem+json');
      expect(JSON.parse(body)).toMatchObject({ status: 429, title: 'Too Many Requests' });
    }
    expect((await bench.call('GET', '/api/v1/users', headers)).status).toBe(200);
  });
});
