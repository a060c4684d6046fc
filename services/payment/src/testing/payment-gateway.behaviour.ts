import { randomUUID } from 'node:crypto';
import type { Ledger } from '@sagamesh/payment-provider/ledger-read-out';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PaymentGateway, PaymentRequest } from '../payment-gateway.ts';

/** What everything behind the payment port must do, whoever carries the requests to the bundled provider. */

export interface PaymentGatewaySubject {
  /** A gateway without memory, as a process has after its start. Its time-out is shorter than the provider's silence. */
  connect(): PaymentGateway;
  /** What the provider itself says about the money. */
  readLedger(): Promise<Ledger>;
  close(): Promise<void>;
}

const amountCents = 4_999;
const attemptsMax = 30;

/** Asks again while the outcome is unknown, as the operator does. */
async function insisting<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RetryableError) || attempt === attemptsMax) throw error;
    }
  }
}

function requestOf(paymentMethod: string, change: Partial<PaymentRequest> = {}): PaymentRequest {
  const sagaUid = randomUUID();
  return {
    sagaUid,
    step: 'processPayment',
    orderId: `order-${sagaUid.slice(0, 8)}`,
    amountCents,
    currency: 'EUR',
    paymentMethod,
    ...change,
  };
}

export function describePaymentGateway(name: string, open: () => Promise<PaymentGatewaySubject>): void {
  describe(`the payment port ${name}`, () => {
    let subject: PaymentGatewaySubject;
    let gateway: PaymentGateway;
    beforeAll(async () => {
      subject = await open();
      gateway = subject.connect();
    });
    afterAll(() => subject.close());

    async function created(paymentMethod = 'pm_card_visa'): Promise<string> {
      const answer = await gateway.create(requestOf(paymentMethod));
      if (answer.kind !== 'created') throw new Error(`refused: ${answer.message}`);
      return answer.paymentId;
    }

    async function moneyOf(paymentId: string): Promise<{ captured: number; refunded: number }> {
      const { captures, refunds } = await subject.readLedger();
      const cents = (moves: Ledger['captures']) =>
        moves.reduce((sum, move) => sum + (move.paymentIntent === paymentId ? move.amountCents : 0), 0);
      return { captured: cents(captures), refunded: cents(refunds) };
    }

    test('create takes no money, and repeated for one saga and step it answers the same payment', async () => {
      const request = requestOf('pm_card_visa');
      const first = await gateway.create(request);
      expect(await gateway.create(request)).toEqual(first);
      expect(await subject.connect().create(request)).toEqual(first);
      expect(first.kind).toBe('created');
      const { intents } = await subject.readLedger();
      expect(intents.filter(({ sagaUid }) => sagaUid === request.sagaUid)).toMatchObject([
        {
          captures: 0,
          status: 'requires_confirmation',
          metadata: { step: request.step, order_id: request.orderId },
        },
      ]);
    });

    test('creates of two steps, or of two sagas, are two payments', async () => {
      const request = requestOf('pm_card_visa');
      const answers = [
        await gateway.create(request),
        await gateway.create({ ...request, step: 'processTip' }),
        await gateway.create(requestOf('pm_card_visa')),
      ];
      expect(new Set(answers.map((answer) => answer.kind === 'created' && answer.paymentId)).size).toBe(3);
    });

    test('confirm takes the money exactly once, also when it is asked for again and by two at once', async () => {
      const paymentId = await created();
      expect(await gateway.read(paymentId)).toMatchObject({ phase: 'unconfirmed', amountCents });
      const both = await Promise.all(
        [gateway, subject.connect()].map((one) => insisting(() => one.confirm(paymentId))),
      );
      expect(both).toMatchObject([{ phase: 'captured' }, { phase: 'captured' }]);
      expect(await gateway.confirm(paymentId)).toMatchObject({ phase: 'captured' });
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: 0 });
    });

    test('cancel ends a payment: a later confirm says so and takes nothing', async () => {
      const paymentId = await created();
      expect(await gateway.cancel(paymentId, 'undone')).toMatchObject({
        phase: 'cancelled',
        cancelledAsDeclined: false,
      });
      expect(await gateway.cancel(paymentId, 'undone')).toMatchObject({ phase: 'cancelled' });
      expect(await gateway.confirm(paymentId)).toMatchObject({ phase: 'cancelled' });
      expect(await moneyOf(paymentId)).toEqual({ captured: 0, refunded: 0 });
    });

    test('cancel after the capture answers captured and gives nothing back', async () => {
      const paymentId = await created();
      await gateway.confirm(paymentId);
      expect(await gateway.cancel(paymentId, 'undone')).toMatchObject({ phase: 'captured' });
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: 0 });
    });

    test('declined, then cancelled as declined: the payment keeps the mark', async () => {
      const paymentId = await created('pm_card_chargeDeclined');
      expect(await gateway.confirm(paymentId)).toMatchObject({
        phase: 'declined',
        declineMessage: expect.stringContaining('declined'),
      });
      expect(await gateway.cancel(paymentId, 'declined')).toMatchObject({ phase: 'cancelled' });
      expect(await subject.connect().read(paymentId)).toMatchObject({
        phase: 'cancelled',
        cancelledAsDeclined: true,
      });
      expect(await moneyOf(paymentId)).toEqual({ captured: 0, refunded: 0 });
    });

    test('a 500 stored under a key is unknown at first; the next generation of the key gets through', async () => {
      const request = requestOf('pm_card_flaky_create');
      await expect(gateway.create(request)).rejects.toBeInstanceOf(RetryableError);
      const answer = await insisting(() => gateway.create(request));
      expect(answer.kind).toBe('created');
      expect(await subject.connect().create(request)).toEqual(answer);
    });

    test('a confirm that fails with 500 took nothing, and the next one takes it once', async () => {
      const paymentId = await created('pm_card_flaky');
      await expect(gateway.confirm(paymentId)).rejects.toBeInstanceOf(RetryableError);
      expect(await moneyOf(paymentId)).toEqual({ captured: 0, refunded: 0 });
      expect(await insisting(() => gateway.confirm(paymentId))).toMatchObject({ phase: 'captured' });
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: 0 });
    });

    test('money taken and no answer: unknown, until a read says captured', async () => {
      const paymentId = await created('pm_card_taken_silent');
      await expect(gateway.confirm(paymentId)).rejects.toBeInstanceOf(RetryableError);
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: 0 });
      await expect(gateway.read(paymentId)).rejects.toBeInstanceOf(RetryableError);
      expect(await insisting(() => gateway.read(paymentId))).toMatchObject({ phase: 'captured' });
      expect(await gateway.confirm(paymentId)).toMatchObject({ phase: 'captured' });
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: 0 });
    });

    test('a slow confirm holds its payment: others are told to come back, and money is taken once', async () => {
      const paymentId = await created('pm_card_slow');
      const answers = await Promise.allSettled([1, 2, 3].map(() => subject.connect().confirm(paymentId)));
      const answered = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value.phase] : []));
      const refusals = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      expect(answered).toEqual(['captured']);
      expect(refusals.map((error) => error instanceof RetryableError)).toEqual([true, true]);
      expect(await gateway.confirm(paymentId)).toMatchObject({ phase: 'captured' });
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: 0 });
    });

    test('refund gives back once what was taken, however often and by however many it is asked for', async () => {
      const paymentId = await created();
      await gateway.confirm(paymentId);
      const place = `${paymentId}/refund-0`;
      expect(await gateway.readRefunds(paymentId)).toEqual({ refundedCents: 0, failedCount: 0 });
      await Promise.all(
        [gateway, subject.connect()].map((one) => insisting(() => one.refund(paymentId, place))),
      );
      await subject.connect().refund(paymentId, place);
      await gateway.refund(paymentId, `${paymentId}/another-place`);
      expect(await gateway.readRefunds(paymentId)).toEqual({ refundedCents: amountCents, failedCount: 0 });
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: amountCents });
    });

    test('a refund that fails with stored 500s is made once in the end', async () => {
      const paymentId = await created('pm_card_flaky_refund');
      await gateway.confirm(paymentId);
      const place = `${paymentId}/refund-0`;
      await expect(gateway.refund(paymentId, place)).rejects.toBeInstanceOf(RetryableError);
      await insisting(() => gateway.refund(paymentId, place));
      await insisting(() => subject.connect().refund(paymentId, place));
      expect(await moneyOf(paymentId)).toEqual({ captured: amountCents, refunded: amountCents });
    });

    test('an unknown payment method and amounts that are not taken are refused with a reason', async () => {
      expect(await gateway.create(requestOf('pm_card_nobody'))).toMatchObject({
        kind: 'refused',
        reason: 'UnknownPaymentMethod',
      });
      for (const wrong of [0, 100_000_000]) {
        const request = requestOf('pm_card_visa', { amountCents: wrong });
        expect(await gateway.create(request)).toMatchObject({
          kind: 'refused',
          reason: 'AmountNotAccepted',
        });
      }
    });

    test('what can never work is terminal: a payment that does not exist, a refund of money never taken', async () => {
      await expect(gateway.read('pi_nobody')).rejects.toBeInstanceOf(TerminalError);
      const paymentId = await created();
      await expect(gateway.refund(paymentId, `${paymentId}/refund-0`)).rejects.toBeInstanceOf(TerminalError);
    });
  });
}
