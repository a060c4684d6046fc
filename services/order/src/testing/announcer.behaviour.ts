import type { Db } from '@sagamesh/kit/db';
import { createOutbox } from '@sagamesh/kit/outbox';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { announceDue } from '../announcer.ts';
import { cancelOrder, claimOrder, seedPriceList } from '../order-store.ts';
import { placeOrder } from '../place-order.ts';

/** Orders that no saga has claimed, on a database with the tables of the order service. */

const pace = { afterMillis: 30_000, maxMillis: 600_000 };
const start = new Date('2030-01-01T00:00:00Z');
const after = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const sagaUid = '00000000-0000-4000-8000-000000000001';

export function announcerBehaviour(name: string, open: () => Promise<Db>): void {
  describe(`announcing orders again on ${name}`, () => {
    let db: Db;
    const outbox = createOutbox();

    beforeAll(async () => {
      db = await open();
      await seedPriceList(db);
    });
    afterAll(() => db.close());
    beforeEach(() => db.exec('truncate orders, outbox'));

    async function placed() {
      const request = { items: [{ sku: 'MOUSE', quantity: 2 }], paymentMethod: 'pm_card_visa' };
      const options = { outbox, announceAfterMillis: pace.afterMillis, now: () => start };
      const placement = await db.tx((tx) => placeOrder(tx, 'ada', request, options));
      if (placement.kind === 'invalid') throw new Error('the order was not priced');
      // As the relay does after the broker has stored it.
      await db.query(`update outbox set published_at = now()`);
      return placement.record.order;
    }
    const announce = (now: Date) => announceDue(db, outbox, now, pace);
    const waiting = async () => {
      const { rows } = await db.query<{ event_id: string; event_type: string }>(
        `select event_id, event_type from outbox where published_at is null`,
      );
      return rows.map(({ event_id, event_type }) => [event_type, event_id]);
    };

    it('waits, then gives the same event to the relay again, later and later', async () => {
      const order = await placed();
      expect(await announce(after(29))).toBe(0);
      expect(await waiting()).toEqual([]);
      expect(await announce(after(30))).toBe(1);
      expect(await waiting()).toEqual([['order.created', order.sourceEventId]]);
      expect(await announce(after(89))).toBe(0);
      expect(await announce(after(90))).toBe(1);
      expect(await announce(after(209))).toBe(0);
      expect(await announce(after(210))).toBe(1);
    });

    it.each([
      ['claimed', (orderId: string) => claimOrder(db, orderId, sagaUid)],
      ['cancelled', (orderId: string) => cancelOrder(db, orderId, 'refused')],
    ])('stops for an order that is %s', async (_, end) => {
      const { id } = await placed();
      await end(id);
      expect(await announce(after(86_400))).toBe(0);
      expect(await waiting()).toEqual([]);
    });

    it('takes at most 100 orders at a time and gets through all of them', async () => {
      for (let count = 0; count < 101; count += 1) await placed();
      expect(await announce(after(30))).toBe(100);
      expect(await announce(after(30))).toBe(1);
      expect(await announce(after(30))).toBe(0);
    });

    it('by two replicas at once announces each order once', async () => {
      for (let count = 0; count < 20; count += 1) await placed();
      const counts = await Promise.all([announce(after(30)), announce(after(30))]);
      expect(counts[0] + counts[1]).toBe(20);
      const { rows } = await db.query<{ announcements: number }>(`select distinct announcements from orders`);
      expect(rows).toEqual([{ announcements: 1 }]);
    });
  });
}
