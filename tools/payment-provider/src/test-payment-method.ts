/**
 * The payment methods that the provider knows. Stripe's own test names where Stripe has one; the others stand for what goes wrong in
 * production and cannot be ordered at Stripe.
 */
export type Conduct =
  | { readonly kind: 'accepts' }
  | { readonly kind: 'declines'; readonly declineCode: string }
  /** Thinks for a while with the intent locked, then accepts. */
  | { readonly kind: 'slow' }
  /** Answers 500 to the first two requests of this operation on one object, without effect. */
  | { readonly kind: 'flaky'; readonly operation: 'create' | 'confirm' | 'refund' }
  /** Takes the money at confirm and then answers nothing about that intent for a while. */
  | { readonly kind: 'taken-silent' };

export const flakyFailures = 2;

const conducts: ReadonlyMap<string, Conduct> = new Map<string, Conduct>([
  ['pm_card_visa', { kind: 'accepts' }],
  ['pm_card_mastercard', { kind: 'accepts' }],
  ['pm_card_chargeDeclined', { kind: 'declines', declineCode: 'generic_decline' }],
  ['pm_card_chargeDeclinedInsufficientFunds', { kind: 'declines', declineCode: 'insufficient_funds' }],
  ['pm_card_slow', { kind: 'slow' }],
  ['pm_card_flaky', { kind: 'flaky', operation: 'confirm' }],
  ['pm_card_flaky_create', { kind: 'flaky', operation: 'create' }],
  ['pm_card_flaky_refund', { kind: 'flaky', operation: 'refund' }],
  ['pm_card_taken_silent', { kind: 'taken-silent' }],
]);

/** Undefined: no such payment method. */
export function conductOf(paymentMethod: string): Conduct | undefined {
  return conducts.get(paymentMethod);
}
