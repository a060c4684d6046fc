import type { Db } from '@sagamesh/kit/db';
import { createOutbox } from '@sagamesh/kit/outbox';
import { systemClock } from '@sagamesh/runtime/clock';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { announceDue, startAnnouncer } from '../announcer.ts';
import { cancelOrder, claimOrder, seedPriceList } from '../order-store.ts';
import { placeOrder } from '../place-order.ts';

/** Orders that no saga has claimed, on a database with the tables of the order service. */

const hourMillis = 3_600_000;
/** So long that the time which a test itself takes makes no difference. */
const pace = { afterMillis: 30 * hourMillis, maxMillis: 600 * hourMillis };
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
      const options = { outbox, announceAfterMillis: pace.afterMillis };
      const placement = await db.tx((tx) => placeOrder(tx, 'ada', request, options));
      if (placement.kind === 'invalid') throw new Error('the order was not priced');
      // As the relay does after the broker has stored it.
      await db.query(`update outbox set published_at = now()`);
      return placement.record.order;
    }
    /** The database's clock cannot be moved; what it waits for can come nearer. */
    const pass = (hours: number) =>
      db.query(`update orders set announce_at = announce_at - $1 * interval '1 hour'`, [hours]);
    const announce = () => announceDue(db, outbox, pace);
    const announceAfter = async (hours: number) => {
      await pass(hours);
      return announce();
    };
    const waiting = async () => {
      const { rows } = await db.query<{ event_id: string; event_type: string }>(
        `select event_id, event_type from outbox where published_at is null`,
      );
      return rows.map(({ event_id, event_type }) => [event_type, event_id]);
    };

    it('waits, then gives the same event to the relay again, later and later', async () => {
      const order = await placed();
      expect(await announceAfter(29)).toBe(0);
      expect(await waiting()).toEqual([]);
      expect(await announceAfter(1)).toBe(1);
      expect(await waiting()).toEqual([['order.created', order.sourceEventId]]);
      expect(await announceAfter(59)).toBe(0);
      expect(await announceAfter(1)).toBe(1);
      expect(await announceAfter(119)).toBe(0);
      expect(await announceAfter(1)).toBe(1);
    });

    it('announces in time in a process whose own clock is wrong', async () => {
      const order = await placed();
      const failures: unknown[] = [];
      const clock = { ...systemClock, wallMillis: () => 0 };
      const onError = (error: unknown) => void failures.push(error);
      await pass(30);
      const announcer = startAnnouncer({ db, outbox, pace, everyMillis: 1, onError, clock });
      try {
        await vi.waitUntil(async () => (await waiting()).length > 0, { timeout: 30_000 });
      } finally {
        await announcer.stop();
      }
      expect(await waiting()).toEqual([['order.created', order.sourceEventId]]);
      expect(failures).toEqual([]);
    });

    it.each([
      ['claimed', (orderId: string) => claimOrder(db, orderId, sagaUid)],
      ['cancelled', (orderId: string) => cancelOrder(db, orderId, 'refused')],
    ])('stops for an order that is %s', async (_, end) => {
      const { id } = await placed();
      await end(id);
      expect(await announceAfter(86_400)).toBe(0);
      expect(await waiting()).toEqual([]);
    });

    it('takes at most 100 orders at a time and gets through all of them', async () => {
      for (let count = 0; count < 101; count += 1) await placed();
      await pass(30);
      expect(await announce()).toBe(100);
      expect(await announce()).toBe(1);
      expect(await announce()).toBe(0);
    });

    it('by two replicas at once announces each order once', async () => {
      for (let count = 0; count < 20; count += 1) await placed();
      await pass(30);
      const counts = await Promise.all([announce(), announce()]);
      expect(counts[0] + counts[1]).toBe(20);
      const { rows } = await db.query<{ announcements: number }>(`select distinct announcements from orders`);
      expect(rows).toEqual([{ announcements: 1 }]);
    });
  });
}
