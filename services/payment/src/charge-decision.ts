import { rejectionReasons } from '@sagamesh/contracts/reasons';
import { unreachable } from '@sagamesh/contracts/unreachable';
import type { Payment, Refunds } from './payment-gateway.ts';

/** What to do next, from what the provider says. Pure: asked again after every act, until nothing is left to do. */

export type ChargeMove =
  | { readonly kind: 'confirm' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'executed' }
  | { readonly kind: 'rejected'; readonly reason: string; readonly message: string };

/** `refunds` counts where the money was found taken: given back means that an undo is under way, and its word holds. */
export function nextChargeMove(payment: Payment, refunds: Refunds): ChargeMove {
  switch (payment.phase) {
    case 'unconfirmed':
      return { kind: 'confirm' };
    case 'processing':
      return { kind: 'wait' };
    case 'captured':
      return refunds.refundedCents === 0 ? { kind: 'executed' } : { kind: 'wait' };
    case 'declined':
      // Said no only when the provider can never say yes any more.
      return { kind: 'cancel' };
    case 'cancelled':
      return payment.cancelledAsDeclined
        ? {
            kind: 'rejected',
            reason: rejectionReasons.CardDeclined,
            message: payment.declineMessage ?? 'The card was declined.',
          }
        : {
            kind: 'rejected',
            reason: rejectionReasons.PaymentCancelled,
            message: 'The payment was cancelled at the provider before any money was taken.',
          };
    default:
      return unreachable(payment.phase);
  }
}

export type SettleMove =
  | { readonly kind: 'cancel' }
  | { readonly kind: 'refund' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'settled'; readonly refundedCents: number };

export function nextSettleMove(payment: Payment, refunds: Refunds): SettleMove {
  switch (payment.phase) {
    case 'unconfirmed':
    case 'declined':
      return { kind: 'cancel' };
    case 'processing':
      return { kind: 'wait' };
    case 'captured':
      return refunds.refundedCents < payment.amountCents
        ? { kind: 'refund' }
        : { kind: 'settled', refundedCents: refunds.refundedCents };
    case 'cancelled':
      return { kind: 'settled', refundedCents: 0 };
    default:
      return unreachable(payment.phase);
  }
}
