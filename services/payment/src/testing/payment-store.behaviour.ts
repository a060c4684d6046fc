import { randomUUID } from 'node:crypto';
import type { Db } from '@sagamesh/kit/db';
import { sqlStateOf } from '@sagamesh/kit/sql-error';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ledgerOfOrder,
  paymentsOfOrder,
  recordCaptured,
  recordDeclined,
  recordUndone,
  type RecordedPayment,
} from '../payment-store.ts';

/** Payments and their ledger on a database with the tables of the payment service. */
export function paymentStoreBehaviour(name: string, open: () => Promise<Db>): void {
  describe(`the payments on ${name}`, () => {
    let db: Db;
    beforeAll(async () => {
      db = await open();
    });
    afterAll(() => db.close());

    const newPayment = (): RecordedPayment => {
      const sagaUid = randomUUID();
      return {
        paymentId: `pi_${sagaUid}`,
        sagaUid,
        step: 'processPayment',
        orderId: `order-${sagaUid}`,
        amountCents: 4_999,
        currency: 'EUR',
      };
    };
    const told = async ({ orderId }: RecordedPayment) => {
      const payments = await paymentsOfOrder(db, orderId);
      const ledger = await ledgerOfOrder(db, orderId);
      return {
        payments: payments.map(({ status, reason }) => [status, reason]),
        ledger: ledger.map(({ kind, amountCents }) => [kind, amountCents]),
      };
    };

    test('a capture and its refund are one payment and two entries', async () => {
      const payment = newPayment();
      await db.tx((tx) => recordCaptured(tx, payment));
      expect(await told(payment)).toEqual({
        payments: [['captured', '']],
        ledger: [['captured', 4_999]],
      });
      await db.tx((tx) => recordUndone(tx, payment, 4_999));
      expect(await told(payment)).toEqual({
        payments: [['refunded', '']],
        ledger: [
          ['captured', 4_999],
          ['refunded', 4_999],
        ],
      });
      const { step: _, ...shown } = { ...payment, kind: 'captured', at: expect.any(Date) };
      const { orderId, ...entry } = shown;
      expect((await ledgerOfOrder(db, orderId))[0]).toEqual(entry);
    });

    test('a refund of a capture that nobody recorded tells of both', async () => {
      const payment = newPayment();
      await db.tx((tx) => recordUndone(tx, payment, 4_999));
      expect(await told(payment)).toEqual({
        payments: [['refunded', '']],
        ledger: [
          ['captured', 4_999],
          ['refunded', 4_999],
        ],
      });
    });

    test('a declined or cancelled payment has no entry', async () => {
      const [declined, cancelled] = [newPayment(), newPayment()];
      await db.tx((tx) => recordDeclined(tx, declined, 'CardDeclined'));
      await db.tx((tx) => recordUndone(tx, cancelled, 0));
      expect(await told(declined)).toEqual({ payments: [['declined', 'CardDeclined']], ledger: [] });
      expect(await told(cancelled)).toEqual({ payments: [['cancelled', '']], ledger: [] });
    });

    test('a second entry of a kind breaks the unique key, and so does a second payment of a step', async () => {
      const payment = newPayment();
      await db.tx((tx) => recordCaptured(tx, payment));
      const stateOf = (work: Promise<void>) => work.then(() => 'done', sqlStateOf);
      expect(await stateOf(db.tx((tx) => recordCaptured(tx, payment)))).toBe('23505');
      const other = { ...payment, paymentId: 'pi_other' };
      expect(await stateOf(db.tx((tx) => recordDeclined(tx, other, '')))).toBe('23505');
      expect(await told(payment)).toMatchObject({ ledger: [['captured', 4_999]] });
    });

    test('no amount below one cent is recorded', async () => {
      const broken = { ...newPayment(), amountCents: 0 };
      const thrown = await db.tx((tx) => recordDeclined(tx, broken, '')).catch(sqlStateOf);
      expect(thrown).toBe('23514');
    });
  });
}
