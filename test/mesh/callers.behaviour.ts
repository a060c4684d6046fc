import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orders, patience, provider, type MeshClient } from './mesh-client.ts';
import { countOf } from './proxy-facts.ts';
import { manifest, withWideScope } from './shop-manifests.ts';

/** Who may call whom behind the gateway. */

const orderService = 'http://order.shop.svc.cluster.local:3000/';

export function describeCallers(mesh: MeshClient): void {
  const { from, get, outside } = mesh;

  describe('callers', () => {
    it('are known to the callee by their certificate', async () => {
      await outside(get(orders));
      await from('payment', { url: provider });
      const [order] = await mesh.site.standIn('order').seen();
      const [payment] = await mesh.site.standIn('payment-provider').seen();
      expect(order?.headers['x-forwarded-client-cert']).toContain('/ns/sagamesh-gateway/sa/gateway');
      expect(payment?.headers['x-forwarded-client-cert']).toContain('/ns/shop/sa/payment');
    });

    it('do not even reach whom they have no business with', async () => {
      const answers = await mesh.site.send('notification', [{ url: provider }, { url: orderService }]);
      for (const { status } of answers) expect([0, 502]).toContain(status);
      expect(await mesh.site.standIn('payment-provider').seen()).toEqual([]);
      expect(await mesh.site.standIn('order').seen()).toEqual([]);
    });

    describe('that know everybody', () => {
      beforeAll(async () => {
        await mesh.site.apply([withWideScope('notification'), withWideScope('order')]);
        const known = async (caller: 'notification' | 'order', url: string) =>
          ![0, 502].includes((await from(caller, { url })).status);
        await waitUntil(
          async () => (await known('notification', orderService)) && (await known('order', provider)),
          { ...patience, what: 'notification and order to know everybody' },
        );
      });

      afterAll(async () => {
        await mesh.site.apply([manifest('Sidecar', 'notification'), manifest('Sidecar', 'order')]);
      });

      it.each([
        ['notification', 'payment-provider', provider],
        ['notification', 'order', orderService],
        ['order', 'payment-provider', provider],
      ] as const)('are refused by the callee: %s at %s', async (caller, callee, url) => {
        const denied = /^http\..*\.rbac\.denied$/;
        const before = await countOf(mesh.site, callee, denied);
        const answers = await mesh.site.send(caller, [{ url }, { url, method: 'POST', body: '{}' }]);
        expect(answers.map(({ status }) => status)).toEqual([403, 403]);
        expect(await countOf(mesh.site, callee, denied)).toBe(before + 2);
        expect(await mesh.site.standIn(callee).seen()).toEqual([]);
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
        expect(await mesh.site.exchange('order', database)).not.toBe('');
        expect(await mesh.site.exchange('notification', database)).toBe('');
      });
    });

    it('reach the broker if they are its clients', async () => {
      const broker = { host: 'nats.shop.svc.cluster.local', port: 4222, send: 'PING\r\n' };
      expect(await mesh.site.exchange('order', broker)).not.toBe('');
      expect(await mesh.site.exchange('notification', broker)).not.toBe('');
    });
  });
}
