import { expect, test } from 'vitest';
import { nextChargeMove, nextSettleMove } from './charge-decision.ts';
import type { Payment, PaymentPhase, Refunds } from './payment-gateway.ts';

function payment(phase: PaymentPhase, change: Partial<Payment> = {}): Payment {
  return {
    paymentId: 'pi_1',
    phase,
    amountCents: 4_999,
    cancelledAsDeclined: false,
    declineMessage: undefined,
    ...change,
  };
}

function refunds(refundedCents: number): Refunds {
  return { refundedCents, failedCount: 0 };
}

test.each([
  ['unconfirmed', 'confirm'],
  ['processing', 'wait'],
  ['captured', 'executed'],
  ['declined', 'cancel'],
  ['cancelled', 'rejected'],
] as const)('a charge that finds the payment %s goes on with: %s', (phase, kind) => {
  expect(nextChargeMove(payment(phase), refunds(0)).kind).toBe(kind);
});

test('a charge that finds its money taken and given back does not say that it was executed', () => {
  expect(nextChargeMove(payment('captured'), refunds(4_999))).toEqual({ kind: 'wait' });
});

test('a payment that was cancelled after a decline is told as a decline, any other as cancelled', () => {
  expect(
    nextChargeMove(
      payment('cancelled', { cancelledAsDeclined: true, declineMessage: 'Insufficient funds.' }),
      refunds(0),
    ),
  ).toEqual({ kind: 'rejected', reason: 'CardDeclined', message: 'Insufficient funds.' });
  expect(nextChargeMove(payment('cancelled'), refunds(0))).toMatchObject({ reason: 'PaymentCancelled' });
});

test.each([
  ['unconfirmed', 0, { kind: 'cancel' }],
  ['declined', 0, { kind: 'cancel' }],
  ['processing', 0, { kind: 'wait' }],
  ['captured', 0, { kind: 'refund' }],
  ['captured', 999, { kind: 'refund' }],
  ['captured', 4_999, { kind: 'settled', refundedCents: 4_999 }],
  ['cancelled', 0, { kind: 'settled', refundedCents: 0 }],
] as const)(
  'an undo that finds the payment %s with %i cents refunded goes on with %o',
  (phase, cents, move) => {
    expect(nextSettleMove(payment(phase), refunds(cents))).toEqual(move);
  },
);
