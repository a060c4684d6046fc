import type { Intent, Refund } from './ledger-state.ts';

/** Answers in Stripe's shapes (Stripe API reference: "Errors", "The PaymentIntent object", "The Refund object"). */
export interface Answer {
  readonly status: number;
  readonly body: object;
  /** A refusal before the operation began is not stored under the idempotency key (Stripe docs, "Idempotent requests"). */
  readonly stored: boolean;
}

interface StripeErrorFields {
  readonly type: 'invalid_request_error' | 'idempotency_error' | 'card_error' | 'api_error';
  readonly message: string;
  readonly code?: string;
  readonly decline_code?: string;
  readonly param?: string;
  readonly payment_intent?: object;
}

export function ok(body: object): Answer {
  return { status: 200, body, stored: true };
}

/** The operation began and ended badly: Stripe would replay exactly this. */
export function failed(status: number, error: StripeErrorFields): Answer {
  return { status, body: { error }, stored: true };
}

/** The operation never began. */
export function refused(status: number, error: StripeErrorFields): Answer {
  return { status, body: { error }, stored: false };
}

export function serverError(): Answer {
  return failed(500, { type: 'api_error', message: 'An error occurred on our side. Please try again.' });
}

export function missing(kind: string, id: string, param: string, status = 404): Answer {
  return failed(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    param,
    message: `No such ${kind}: '${id}'`,
  });
}

export function unexpectedState(intent: Intent, verb: string): Answer {
  return failed(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message: `You cannot ${verb} this PaymentIntent because it has a status of ${intent.status}.`,
    payment_intent: intentBody(intent),
  });
}

export function intentBody(intent: Intent): object {
  return {
    id: intent.id,
    object: 'payment_intent',
    amount: intent.amountCents,
    amount_capturable: 0,
    amount_received: intent.status === 'succeeded' ? intent.amountCents : 0,
    canceled_at: intent.canceledAtMillis === null ? null : Math.floor(intent.canceledAtMillis / 1000),
    cancellation_reason: intent.cancellationReason,
    capture_method: 'automatic',
    client_secret: null,
    confirmation_method: 'automatic',
    created: Math.floor(intent.createdAtMillis / 1000),
    currency: intent.currency,
    last_payment_error: intent.declineCode === null ? null : cardError(intent.declineCode),
    latest_charge: intent.chargeId,
    livemode: false,
    metadata: intent.metadata,
    payment_method: intent.paymentMethod,
    payment_method_types: ['card'],
    status: intent.status,
  };
}

export function refundBody(refund: Refund): object {
  return {
    id: refund.id,
    object: 'refund',
    amount: refund.amountCents,
    charge: refund.chargeId,
    created: Math.floor(refund.atMillis / 1000),
    currency: refund.currency,
    metadata: refund.metadata,
    payment_intent: refund.intentId,
    status: 'succeeded',
  };
}

export function cardError(declineCode: string) {
  return {
    type: 'card_error',
    code: 'card_declined',
    decline_code: declineCode,
    message: 'Your card was declined.',
  } as const;
}

export function listBody(url: string, data: readonly object[], hasMore: boolean): object {
  return { object: 'list', url, has_more: hasMore, data };
}
