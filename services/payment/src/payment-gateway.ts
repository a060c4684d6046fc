/**
 * The port to the payment provider. Trouble is thrown: RetryableError whenever the outcome is unknown (time-outs, every 5xx, locks),
 * TerminalError when asking again cannot help. Business answers are values.
 */

export type PaymentPhase =
  /** Created, no money moved, waiting to be confirmed. */
  | 'unconfirmed'
  /** The provider is at work; it may still go either way. */
  | 'processing'
  | 'captured'
  /** The card was declined (or wants a person): a second confirmation could still take money until it is cancelled. */
  | 'declined'
  /** Final: can never take money. */
  | 'cancelled';

export interface Payment {
  readonly paymentId: string;
  readonly phase: PaymentPhase;
  readonly amountCents: number;
  /** Cancelled by us after a decline, not by an undo. */
  readonly cancelledAsDeclined: boolean;
  /** What the provider said about the card, for people. */
  readonly declineMessage: string | undefined;
}

/** Money given back, as far as the provider knows (refunds that failed do not count). */
export interface Refunds {
  readonly refundedCents: number;
  /** Refunds that the bank sent back; they must be made anew under another key. */
  readonly failedCount: number;
}

export interface PaymentRequest {
  readonly sagaUid: string;
  readonly step: string;
  readonly orderId: string;
  readonly amountCents: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  readonly paymentMethod: string;
}

export type CreateAnswer =
  | { readonly kind: 'created'; readonly paymentId: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string };

export interface PaymentGateway {
  /** Takes no money. Repeated for one saga and step: the same payment. */
  create(request: PaymentRequest): Promise<CreateAnswer>;
  read(paymentId: string): Promise<Payment>;
  /** Answers what the payment is afterwards; also when it was captured or cancelled meanwhile. */
  confirm(paymentId: string): Promise<Payment>;
  /** Answers what the payment is afterwards; `captured` when the money was taken meanwhile. */
  cancel(paymentId: string, why: 'declined' | 'undone'): Promise<Payment>;
  readRefunds(paymentId: string): Promise<Refunds>;
  /** Gives back all that is left. `place` names the refund for the provider's idempotency keys. */
  refund(paymentId: string, place: string): Promise<void>;
}
