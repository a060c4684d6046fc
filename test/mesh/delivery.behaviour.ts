import { afterEach, describe, expect, it } from 'vitest';
import { callProvider, orders, users, type MeshClient } from './mesh-client.ts';
import { countOf, toService } from './proxy-facts.ts';

/** How a request gets to an upstream: under which id, how often, and for how long. */

export function describeDelivery(mesh: MeshClient): void {
  const { from, get, outside, post } = mesh;

  /** A success ends the row of failures that would have an upstream ejected. */
  const recover = async (): Promise<void> => {
    await mesh.site.standIn('order').answer({ status: 200 });
    await mesh.site.standIn('payment-provider').answer({ status: 200 });
    const answers = await Promise.all([outside(get(orders)), from('payment', callProvider)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  };

  describe('a correlation id', () => {
    it('of the client is kept, passed on and returned', async () => {
      const answer = await outside(get(orders, { 'x-correlation-id': 'the-clients-own' }));
      expect(answer.headers['x-correlation-id']).toBe('the-clients-own');
      const [seen] = await mesh.site.standIn('order').seen();
      expect(seen?.headers['x-correlation-id']).toBe('the-clients-own');
    });

    it('is made where the client has none, and is another one each time', async () => {
      const answers = await mesh.site.send('outside', [get(orders), get(users)]);
      const ids = answers.map(({ headers }) => headers['x-correlation-id'] ?? '');
      for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(new Set(ids).size).toBe(2);
      const [order] = await mesh.site.standIn('order').seen();
      const [user] = await mesh.site.standIn('user').seen();
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
        await mesh.site.standIn('order').answer(failure, { status: 200 });
        await mesh.site.standIn('payment-provider').answer(failure, { status: 200 });
        const answers = await Promise.all([outside(post(orders)), from('payment', callProvider)]);
        for (const { status } of answers) expect([500, 503]).toContain(status);
        expect(await mesh.site.standIn('order').seen()).toHaveLength(1);
        expect(await mesh.site.standIn('payment-provider').seen()).toHaveLength(1);
      },
    );

    it('is sent once although the client asks the proxy for more', async () => {
      await mesh.site.standIn('order').answer({ status: 503 });
      const wish = { 'x-envoy-retry-on': '5xx,reset', 'x-envoy-max-retries': '3' };
      const answer = await outside(post(orders, wish));
      expect(answer.status).toBe(503);
      expect(await mesh.site.standIn('order').seen()).toHaveLength(1);
    });

    it.each([['reset'], [{ status: 503 }]] as const)(
      'is sent again if it is a GET at the gateway (%j)',
      async (failure) => {
        const retries = toService('order', 'upstream_rq_retry');
        const before = await countOf(mesh.site, 'gateway', retries);
        await mesh.site.standIn('order').answer(failure, { status: 200 });
        expect((await outside(get(orders))).status).toBe(200);
        expect(await mesh.site.standIn('order').seen()).toHaveLength(2);
        expect(await countOf(mesh.site, 'gateway', retries)).toBe(before + 1);
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
          const before = await countOf(mesh.site, caller, timeouts);
          await mesh.site.standIn(callee).answer('hold');
          expect((await call()).status).toBe(504);
          expect(await countOf(mesh.site, caller, timeouts)).toBe(before + 1);
          expect(await mesh.site.standIn(callee).seen()).toHaveLength(1);
        }),
      );
    });
  });
}
