import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { meshWorkloads, type MeshAnswer, type MeshRequest, type MeshSite } from '@sagamesh/mesh/mesh-site';
import { rateLimits } from '@sagamesh/gateway/routes';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { meshTokens, type MeshTokens } from './mesh-tokens.ts';
import {
  countOf,
  ejectionTimeOf,
  hasTimeout,
  pendingMaxOf,
  refusedPushes,
  statsOf,
  toService,
} from './proxy-facts.ts';
import {
  breakerOf,
  manifest,
  withShortEjection,
  withSmallPool,
  withTimeout,
  withWideScope,
} from './shop-manifests.ts';

/**
 * What the mesh promises, asked of real proxies under the project's manifests; only the apps are stand-ins. Nothing here depends on how fast a machine
 * is: facts are counters, what an upstream saw, and who was answered before whom.
 */

const orders = '/api/v1/orders';
const users = '/api/v1/users';
const orderService = 'http://order.shop.svc.cluster.local:3000/';
const provider = 'http://payment-provider.shop.svc.cluster.local:3000/v1/payment_intents';
const problemJson = 'application/problem+json';

/** Patience, not an expectation: other programs may be using this machine. */
const patience = { timeoutMillis: 90_000, intervalMillis: 250 } as const;

export function describeMesh(name: string, startSite: () => Promise<MeshSite>): void {
  describe(`the mesh (${name})`, () => {
    let site: MeshSite;
    let tokens: MeshTokens;
    let checks = 0;

    beforeAll(async () => {
      site = await startSite();
      tokens = await meshTokens(await site.signingKey());
    });

    // Every upstream is well, and has forgotten what it saw.
    beforeEach(async () => {
      for (const name of ['order', 'user', 'payment-provider'] as const) {
        await site.standIn(name).answer({ status: 200 });
      }
    });

    afterEach(({ task }) => {
      if (task.result?.state !== 'fail') checks += 1;
    });

    afterAll(async () => {
      await site?.close();
      process.stdout.write(`the mesh (${name}): ${checks} checks passed\n`);
    });

    const get = (url: string, headers: MeshRequest['headers'] = {}): MeshRequest => ({
      url,
      headers: { authorization: tokens.good, ...headers },
    });
    const post = (url: string, headers: MeshRequest['headers'] = {}): MeshRequest => ({
      ...get(url, { 'content-type': 'application/json', ...headers }),
      method: 'POST',
      body: '{}',
    });
    const first = ([answer]: readonly MeshAnswer[]): MeshAnswer => {
      if (answer === undefined) throw new Error('no answer for one request');
      return answer;
    };
    const outside = async (request: MeshRequest): Promise<MeshAnswer> =>
      first(await site.send('outside', [request]));
    const from = async (
      workload: 'payment' | 'notification' | 'order',
      request: MeshRequest,
    ): Promise<MeshAnswer> => first(await site.send(workload, [request]));
    const callProvider: MeshRequest = { url: provider, method: 'POST', body: '{}' };
    /** A success ends the row of failures that would have an upstream ejected. */
    const recover = async (): Promise<void> => {
      await site.standIn('order').answer({ status: 200 });
      await site.standIn('payment-provider').answer({ status: 200 });
      const answers = await Promise.all([outside(get(orders)), from('payment', callProvider)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    };

    describe('tokens at the gateway', () => {
      it.each([
        ['no token', undefined],
        ['an expired token', 'expired'],
        ['a token of another issuer', 'wrongIssuer'],
        ['a token for somebody else', 'wrongAudience'],
        ['a token of another key', 'wrongKey'],
      ] as const)('refuses %s, as a problem, and the service hears nothing of it', async (_what, which) => {
        const headers = which === undefined ? {} : { authorization: tokens[which] };
        const answers = await site.send('outside', [
          { url: orders, headers },
          { ...post(orders), headers },
          { url: `${orders}/some-order`, headers },
          { url: users, headers },
        ]);
        for (const answer of answers) {
          expect([401, 403]).toContain(answer.status);
          expect(answer.headers['content-type']).toContain(problemJson);
          expect(JSON.parse(answer.body)).toMatchObject({ status: answer.status });
          expect(answer.headers['x-correlation-id']).toMatch(/./);
        }
        expect(await site.standIn('order').seen()).toEqual([]);
        expect(await site.standIn('user').seen()).toEqual([]);
      });

      it('reads no token from an address, which ends in logs', async () => {
        const [, token = ''] = tokens.good.split(' ');
        const answer = await outside({ url: `${orders}?access_token=${token}` });
        expect([401, 403]).toContain(answer.status);
        expect(await site.standIn('order').seen()).toEqual([]);
      });

      it('lets a good token through, and passes it on for the service to verify', async () => {
        const answers = await site.send('outside', [get(orders), post(orders), get(`${orders}/some-order`)]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
        const seen = await site.standIn('order').seen();
        expect(seen).toHaveLength(3);
        for (const request of seen) expect(request.headers['authorization']).toBe(tokens.good);
      });

      it('asks for no token where one is given out', async () => {
        const answers = await site.send('outside', [
          { ...post(users), headers: {} },
          { ...post(`${users}/token`), headers: {} },
          { url: '/.well-known/jwks.json' },
        ]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      });

      it('knows one spelling of a path, and refuses one that could be read in two ways', async () => {
        const answers = await site.send('outside', [get(`${orders}//x`), get(`${users}/..%2Forders`)]);
        expect(answers.map(({ status }) => status)).toEqual([200, 400]);
        expect((await site.standIn('order').seen()).map(({ url }) => url)).toEqual([`${orders}/x`]);
        expect(await site.standIn('user').seen()).toEqual([]);
      });

      it('knows no path but those of the API', async () => {
        const answers = await site.send('outside', [get('/'), get('/metrics'), get('/api/v1/payments/x')]);
        for (const { status } of answers) expect([403, 404]).toContain(status);
        expect(await site.standIn('order').seen()).toEqual([]);
      });
    });

    describe('callers', () => {
      it('are known to the callee by their certificate', async () => {
        await outside(get(orders));
        await from('payment', { url: provider });
        const [order] = await site.standIn('order').seen();
        const [payment] = await site.standIn('payment-provider').seen();
        expect(order?.headers['x-forwarded-client-cert']).toContain('/ns/sagamesh-gateway/sa/gateway');
        expect(payment?.headers['x-forwarded-client-cert']).toContain('/ns/shop/sa/payment');
      });

      it('do not even reach whom they have no business with', async () => {
        const answers = await site.send('notification', [{ url: provider }, { url: orderService }]);
        for (const { status } of answers) expect([0, 502]).toContain(status);
        expect(await site.standIn('payment-provider').seen()).toEqual([]);
        expect(await site.standIn('order').seen()).toEqual([]);
      });

      describe('that know everybody', () => {
        beforeAll(async () => {
          await site.apply([withWideScope('notification'), withWideScope('order')]);
          const known = async (caller: 'notification' | 'order', url: string) =>
            ![0, 502].includes((await from(caller, { url })).status);
          await waitUntil(
            async () => (await known('notification', orderService)) && (await known('order', provider)),
            { ...patience, what: 'notification and order to know everybody' },
          );
        });

        afterAll(async () => {
          await site.apply([manifest('Sidecar', 'notification'), manifest('Sidecar', 'order')]);
        });

        it.each([
          ['notification', 'payment-provider', provider],
          ['notification', 'order', orderService],
          ['order', 'payment-provider', provider],
        ] as const)('are refused by the callee: %s at %s', async (caller, callee, url) => {
          const denied = /^http\..*\.rbac\.denied$/;
          const before = await countOf(site, callee, denied);
          const answers = await site.send(caller, [{ url }, { url, method: 'POST', body: '{}' }]);
          expect(answers.map(({ status }) => status)).toEqual([403, 403]);
          expect(await countOf(site, callee, denied)).toBe(before + 2);
          expect(await site.standIn(callee).seen()).toEqual([]);
          // Meanwhile the one on the list is served.
          expect((await from('payment', { url: provider })).status).toBe(200);
        });

        it('are refused by a database that is not theirs', async () => {
          // The request for encryption that starts a conversation with PostgreSQL.
          const database = {
            host: 'order-db.shop.svc.cluster.local',
            port: 5432,
            send: '\u0000\u0000\u0000\u0008\u0004\u00d2\u0016\u002f',
          };
          expect(await site.exchange('order', database)).not.toBe('');
          expect(await site.exchange('notification', database)).toBe('');
        });
      });

      it('reach the broker if they are its clients', async () => {
        const broker = { host: 'nats.shop.svc.cluster.local', port: 4222, send: 'PING\r\n' };
        expect(await site.exchange('order', broker)).not.toBe('');
        expect(await site.exchange('notification', broker)).not.toBe('');
      });
    });

    describe('a full connection pool', () => {
      // That of the order service holds all that the rate limit lets through.
      const small = { connections: 8, pending: 4 };
      const inForce = (pending: number) =>
        waitUntil(async () => (await pendingMaxOf(site, 'gateway', 'order')) === pending, {
          ...patience,
          what: `the gateway to let ${pending} requests to order wait`,
        });

      // Else whoever waits is given up while a busy machine still fills the pool.
      const longTimeout = '97s';
      const routes = ['orders', 'payment-provider'] as const;
      const longForBoth = async () =>
        (await hasTimeout(site, 'gateway', longTimeout)) && (await hasTimeout(site, 'payment', longTimeout));

      beforeAll(async () => {
        const patient = routes.map((name) => withTimeout(name, longTimeout));
        await site.apply([withSmallPool('order', small), ...patient]);
        await inForce(small.pending);
        await waitUntil(longForBoth, { ...patience, what: 'gateway and payment to be patient' });
      });

      afterAll(async () => {
        const own = routes.map((name) => manifest('VirtualService', name));
        await site.apply([manifest('DestinationRule', 'order'), ...own]);
        await inForce(breakerOf('order').pending);
        const impatient = async () =>
          !(await hasTimeout(site, 'gateway', longTimeout)) &&
          !(await hasTimeout(site, 'payment', longTimeout));
        await waitUntil(impatient, { ...patience, what: 'gateway and payment to have their own limits' });
      });

      it.each([
        ['gateway', 'order', 'outside', () => post(orders), small],
        ['payment', 'payment-provider', 'payment', () => callProvider, breakerOf('payment-provider')],
      ] as const)(
        'answers at once and is counted: %s -> %s',
        async (caller, callee, sender, request, pool) => {
          const { connections, pending } = pool;
          const standIn = site.standIn(callee);
          const send = (count: number) =>
            site.send(
              sender,
              Array.from({ length: count }, () => request()),
            );
          const reached = async () => (await standIn.seen()).length;
          const waiting = toService(callee, 'upstream_rq_pending_active');
          const overflow = toService(callee, 'upstream_rq_pending_overflow');
          const before = await countOf(site, caller, overflow);
          await standIn.answer('hold');

          // A request waits, too, while its connection is being made: so the pool is filled in steps.
          const open: Promise<readonly MeshAnswer[]>[] = [];
          const step = Math.min(pending, 8);
          for (let sent = 0; sent < connections; sent += step) {
            open.push(send(Math.min(step, connections - sent)));
            const arrived = Math.min(sent + step, connections);
            const what = `${arrived} requests to reach ${callee}`;
            await waitUntil(async () => (await reached()) === arrived, { ...patience, what });
          }
          open.push(send(pending));
          await waitUntil(async () => (await countOf(site, caller, waiting)) === pending, {
            ...patience,
            what: `${pending} requests to ${callee} to wait`,
          });
          expect(await countOf(site, caller, overflow)).toBe(before);

          // They are answered while all others still wait.
          const refused = await send(7);
          expect(refused.map(({ status }) => status)).toEqual(Array.from({ length: 7 }, () => 503));
          for (const { headers } of refused) expect(headers['x-envoy-overloaded']).toBe('true');
          expect(await countOf(site, caller, overflow)).toBe(before + 7);
          expect(await reached()).toBe(connections);

          const all = Promise.all(open);
          await waitUntil(async () => (await standIn.release(), await settled(all)), {
            ...patience,
            what: 'all others to be answered',
          });
          const answers = (await all).flat();
          expect(answers.filter(({ status }) => status === 200)).toHaveLength(connections + pending);
        },
      );
    });

    describe('a correlation id', () => {
      it('of the client is kept, passed on and returned', async () => {
        const answer = await outside(get(orders, { 'x-correlation-id': 'the-clients-own' }));
        expect(answer.headers['x-correlation-id']).toBe('the-clients-own');
        const [seen] = await site.standIn('order').seen();
        expect(seen?.headers['x-correlation-id']).toBe('the-clients-own');
      });

      it('is made where the client has none, and is another one each time', async () => {
        const answers = await site.send('outside', [get(orders), get(users)]);
        const ids = answers.map(({ headers }) => headers['x-correlation-id'] ?? '');
        for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
        expect(new Set(ids).size).toBe(2);
        const [order] = await site.standIn('order').seen();
        const [user] = await site.standIn('user').seen();
        expect([order, user].map((request) => request?.headers['x-correlation-id'])).toEqual(ids);
      });

      it('is in a refusal, too', async () => {
        const answer = await outside({ url: orders, headers: { 'x-correlation-id': 'refused-one' } });
        expect(answer.headers['x-correlation-id']).toBe('refused-one');
        expect(JSON.parse(answer.body)).toMatchObject({ correlationId: 'refused-one' });
      });
    });

    describe('a request that fails', () => {
      afterEach(recover);

      it.each([['reset'], [{ status: 503 }], [{ status: 500 }]] as const)(
        'is sent once if it is a POST (%j)',
        async (failure) => {
          await site.standIn('order').answer(failure, { status: 200 });
          await site.standIn('payment-provider').answer(failure, { status: 200 });
          const answers = await Promise.all([outside(post(orders)), from('payment', callProvider)]);
          for (const { status } of answers) expect([500, 503]).toContain(status);
          expect(await site.standIn('order').seen()).toHaveLength(1);
          expect(await site.standIn('payment-provider').seen()).toHaveLength(1);
        },
      );

      it('is sent once although the client asks the proxy for more', async () => {
        await site.standIn('order').answer({ status: 503 });
        const wish = { 'x-envoy-retry-on': '5xx,reset', 'x-envoy-max-retries': '3' };
        const answer = await outside(post(orders, wish));
        expect(answer.status).toBe(503);
        expect(await site.standIn('order').seen()).toHaveLength(1);
      });

      it.each([['reset'], [{ status: 503 }]] as const)(
        'is sent again if it is a GET at the gateway (%j)',
        async (failure) => {
          const retries = toService('order', 'upstream_rq_retry');
          const before = await countOf(site, 'gateway', retries);
          await site.standIn('order').answer(failure, { status: 200 });
          expect((await outside(get(orders))).status).toBe(200);
          expect(await site.standIn('order').seen()).toHaveLength(2);
          expect(await countOf(site, 'gateway', retries)).toBe(before + 1);
        },
      );
    });

    describe('a slow upstream', () => {
      afterEach(recover);

      it('is cut by the timeout, at the gateway and on the way to the provider', async () => {
        const hops = [
          { caller: 'gateway', callee: 'order', call: () => outside(post(orders)) },
          {
            caller: 'payment',
            callee: 'payment-provider',
            call: () => from('payment', callProvider),
          },
        ] as const;
        await Promise.all(
          hops.map(async ({ caller, callee, call }) => {
            const timeouts = toService(callee, 'upstream_rq_timeout');
            const before = await countOf(site, caller, timeouts);
            await site.standIn(callee).answer('hold');
            expect((await call()).status).toBe(504);
            expect(await countOf(site, caller, timeouts)).toBe(before + 1);
            expect(await site.standIn(callee).seen()).toHaveLength(1);
          }),
        );
      });
    });

    describe('an upstream that fails again and again', () => {
      it.each([
        ['gateway', 'order', () => outside(post(orders))],
        ['payment', 'payment-provider', () => from('payment', callProvider)],
      ] as const)('is left alone for a while, and tried again: %s -> %s', async (caller, callee, call) => {
        const { failures, ejectionTime } = breakerOf(callee);
        const ejected = toService(callee, String.raw`outlier_detection\.ejections_active`);
        const inForce = (time: string) =>
          waitUntil(async () => (await ejectionTimeOf(site, caller, callee)) === time, {
            ...patience,
            what: `${caller} to eject ${callee} for ${time}`,
          });
        expect(failures).toBeGreaterThan(1);
        await site.apply([withShortEjection(callee, 10)]);
        try {
          await inForce('10s');
          expect((await call()).status).toBe(200);
          await site.standIn(callee).answer({ status: 503 });
          for (let n = 1; n < failures; n += 1) expect((await call()).status).toBe(503);
          expect(await countOf(site, caller, ejected)).toBe(0);
          expect((await call()).status).toBe(503);
          expect(await countOf(site, caller, ejected)).toBe(1);
          expect(await site.standIn(callee).seen()).toHaveLength(failures);

          // Open: the caller's proxy answers, and the upstream is spared, although it would be well again.
          await site.standIn(callee).answer({ status: 200 });
          expect((await call()).status).toBe(503);
          expect(await site.standIn(callee).seen()).toEqual([]);

          await waitUntil(async () => (await countOf(site, caller, ejected)) === 0, {
            ...patience,
            what: `${callee} to come back`,
          });
          expect((await call()).status).toBe(200);
        } finally {
          await site.apply([manifest('DestinationRule', callee)]);
        }
        await inForce(ejectionTime);
      });
    });

    describe('the rate limit', () => {
      const limited = /^.*http_local_rate_limit\.rate_limited$/;

      /** A request that has found at least so much in the bucket, and what was true before it. */
      const untilThereIs = async (atLeast: number, path: string) => {
        let found = { answer: await outside(get(path)), startMillis: 0, limitedBefore: 0 };
        await waitUntil(
          async () => {
            await site.standIn(path === orders ? 'order' : 'user').answer({ status: 200 });
            const limitedBefore = await countOf(site, 'gateway', limited);
            const startMillis = performance.now();
            found = { answer: await outside(get(path)), startMillis, limitedBefore };
            // Without a limit there is nothing to wait for, and the burst will tell.
            return Number(found.answer.headers['x-ratelimit-remaining'] ?? atLeast) >= atLeast - 1;
          },
          { timeoutMillis: 120_000, intervalMillis: 1_500, what: `the bucket of ${path} to fill` },
        );
        return found;
      };

      it.each([
        ['orders', orders, 'order', users],
        ['users', users, 'user', orders],
      ] as const)(
        'refuses what is beyond that of %s, and nothing else',
        async (api, path, service, otherPath) => {
          const { requestsPerMinute } = rateLimits[api];
          await untilThereIs(10, otherPath);
          const full = await untilThereIs(requestsPerMinute, path);
          const answers = [full.answer];
          // All at once: nobody within the limit is refused by a connection pool. Reads first: they have less time than the rest.
          while (answers.length < requestsPerMinute * 2 && !answers.some(({ status }) => status === 429)) {
            const batch = Array.from({ length: requestsPerMinute }, (_, n) =>
              n < 10 ? get(path) : post(path),
            );
            answers.push(...(await site.send('outside', batch)));
          }
          const minutes = (performance.now() - full.startMillis) / 60_000;

          expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
          const passed = answers.filter(({ status }) => status === 200);
          const refused = answers.filter(({ status }) => status === 429);
          expect(passed.length).toBeGreaterThanOrEqual(requestsPerMinute);
          // The bucket fills all the time.
          expect(passed.length).toBeLessThanOrEqual(requestsPerMinute * (1 + minutes) + 1);
          for (const { headers } of refused) {
            expect(Number(headers['retry-after'])).toBeGreaterThan(0);
            expect(headers['content-type']).toContain(problemJson);
          }
          expect(await countOf(site, 'gateway', limited)).toBe(full.limitedBefore + refused.length);
          expect(await site.standIn(service).seen()).toHaveLength(passed.length);
          expect((await outside(get(otherPath))).status).toBe(200);
        },
      );

      it('is not spent by who is refused for lack of a token', async () => {
        await untilThereIs(20, orders);
        const strangers = Array.from({ length: 40 }, (): MeshRequest => ({ url: orders }));
        const before = Number((await outside(get(orders))).headers['x-ratelimit-remaining']);
        await site.send('outside', strangers);
        const after = Number((await outside(get(orders))).headers['x-ratelimit-remaining']);
        expect(after).toBeGreaterThanOrEqual(before - 1);
      });
    });

    describe('configuration', () => {
      it.each(meshWorkloads)('is refused by no part of the proxy of %s', async (workload) => {
        const refusals = await statsOf(site, workload, /update_rejected$/);
        expect(refusals.length).toBeGreaterThan(1);
        expect(refusals.filter(({ value }) => value !== 0)).toEqual([]);
      });

      it('was refused by no proxy that istiod knows', async () => {
        const metrics = await site.istiodMetrics();
        expect(metrics).toContain('pilot_xds_pushes');
        expect(refusedPushes(metrics)).toBe(0);
      });
    });
  });
}

/** Whether a promise has ended by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, new Promise((go) => setTimeout(go, 100, pending))])) !== pending;
}
