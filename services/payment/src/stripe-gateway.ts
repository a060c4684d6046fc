import { rejectionReasons } from '@sagamesh/contracts/reasons';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { Stripe } from 'stripe';
import { createKeyedWrites } from './keyed-writes.ts';
import { providerClient } from './provider-client.ts';
import type { ProviderExchange } from './provider-exchange.ts';
import type {
  CreateAnswer,
  Payment,
  PaymentGateway,
  PaymentPhase,
  PaymentRequest,
} from './payment-gateway.ts';

export interface StripeGatewayConfig {
  /** `https://api.stripe.com`, or the bundled provider. */
  readonly url: string;
  readonly key: string;
  readonly timeoutMillis: number;
  /** What carries the requests; absent: HTTP over sockets. */
  readonly exchange?: ProviderExchange;
}

/**
 * Stripe through its official SDK. Retries belong to the operator, so the SDK's own are off; it still repeats a request once when the
 * connection was closed on it, under the same idempotency key. Confirm and cancel have no key of ours: the PaymentIntent's own states
 * let each happen once, and a key that never changes would bring a stored 500 back for ever.
 */
export function createStripeGateway(config: StripeGatewayConfig): PaymentGateway {
  const stripe = createClient(config);
  const keyed = createKeyedWrites(isReplayedServerError);

  async function read(paymentId: string): Promise<Payment> {
    return toPayment(await asking(() => stripe.paymentIntents.retrieve(paymentId)));
  }

  /** The intent moved on before we came: not an error, but news. */
  async function actOrRead(paymentId: string, act: () => Promise<Stripe.PaymentIntent>): Promise<Payment> {
    try {
      return toPayment(await act());
    } catch (error) {
      if (error instanceof Stripe.errors.StripeCardError || isUnexpectedState(error)) return read(paymentId);
      throw toActionable(error);
    }
  }

  return {
    create: (request) => create(stripe, keyed, request),
    read,
    confirm: (paymentId) =>
      actOrRead(paymentId, () =>
        stripe.paymentIntents.confirm(paymentId, { error_on_requires_action: true }),
      ),
    cancel: (paymentId, why) =>
      actOrRead(paymentId, () =>
        stripe.paymentIntents.cancel(paymentId, {
          cancellation_reason: why === 'declined' ? declinedMark : 'requested_by_customer',
        }),
      ),
    readRefunds: async (paymentId) => {
      const list = await asking(() => stripe.refunds.list({ payment_intent: paymentId, limit: 100 }));
      const standing = list.data.filter((refund) => !isFailedRefund(refund));
      return {
        refundedCents: standing.reduce((sum, refund) => sum + refund.amount, 0),
        failedCount: list.data.length - standing.length,
      };
    },
    refund: async (paymentId, place) => {
      try {
        await keyed.write(place, (idempotencyKey) =>
          stripe.refunds.create({ payment_intent: paymentId }, { idempotencyKey }),
        );
      } catch (error) {
        if (codeOf(error) !== 'charge_already_refunded') throw toActionable(error);
      }
    },
  };
}

/** How a cancelled intent tells that it was cancelled after a decline; kept by Stripe with the intent. */
const declinedMark = 'abandoned';

function createClient({ url, key, timeoutMillis, exchange }: StripeGatewayConfig): Stripe {
  const { protocol, hostname, port } = new URL(url);
  return new Stripe(key, {
    host: hostname,
    protocol: protocol === 'http:' ? 'http' : 'https',
    ...(port === '' ? { port: protocol === 'http:' ? '80' : '443' } : { port }),
    timeout: timeoutMillis,
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: providerClient(exchange),
  });
}

async function create(
  stripe: Stripe,
  keyed: ReturnType<typeof createKeyedWrites>,
  request: PaymentRequest,
): Promise<CreateAnswer> {
  const { sagaUid, step, orderId } = request;
  try {
    const intent = await keyed.write(`${sagaUid}/${step}/intent`, (idempotencyKey) =>
      stripe.paymentIntents.create(
        {
          amount: request.amountCents,
          currency: request.currency.toLowerCase(),
          payment_method: request.paymentMethod,
          // Cards only: other methods may send the customer away to a page, and nobody is there.
          allowed_payment_method_types: ['card'],
          capture_method: 'automatic',
          metadata: { saga_uid: sagaUid, order_id: orderId, step },
        },
        { idempotencyKey },
      ),
    );
    return { kind: 'created', paymentId: intent.id };
  } catch (error) {
    const refusal = refusalOf(error, request);
    if (refusal) return refusal;
    throw toActionable(error);
  }
}

function refusalOf(error: unknown, request: PaymentRequest): CreateAnswer | undefined {
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) return undefined;
  if (error.code === 'resource_missing' && error.param === 'payment_method') {
    return {
      kind: 'refused',
      reason: rejectionReasons.UnknownPaymentMethod,
      message: `The provider knows no payment method "${request.paymentMethod}".`,
    };
  }
  if (error.code === 'amount_too_small' || error.code === 'amount_too_large') {
    return {
      kind: 'refused',
      reason: rejectionReasons.AmountNotAccepted,
      message: `The provider does not take ${request.amountCents} cents ${request.currency}.`,
    };
  }
  return undefined;
}

function toPayment(intent: Stripe.PaymentIntent): Payment {
  return {
    paymentId: intent.id,
    phase: phaseOf(intent.status),
    amountCents: intent.amount,
    cancelledAsDeclined: intent.cancellation_reason === declinedMark,
    declineMessage: intent.last_payment_error?.message,
  };
}

function phaseOf(status: Stripe.PaymentIntent.Status): PaymentPhase {
  switch (status) {
    case 'requires_confirmation':
      return 'unconfirmed';
    case 'succeeded':
      return 'captured';
    case 'canceled':
      return 'cancelled';
    case 'requires_payment_method':
    case 'requires_action':
      return 'declined';
    case 'processing':
    case 'requires_capture':
    default:
      // At work, or whatever Stripe may add: it can go either way, so nothing may be concluded from it.
      return 'processing';
  }
}

function isFailedRefund(refund: Stripe.Refund): boolean {
  return refund.status === 'failed' || refund.status === 'canceled';
}

async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw toActionable(error);
  }
}

/** A server error decides nothing, whatever code it carries. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Stripe.errors.StripeError) || (error.statusCode ?? 0) >= 500) return undefined;
  return error.code;
}

function isUnexpectedState(error: unknown): boolean {
  return codeOf(error) === 'payment_intent_unexpected_state';
}

function isReplayedServerError(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeError &&
    (error.statusCode ?? 0) >= 500 &&
    error.headers?.['idempotent-replayed'] === 'true'
  );
}

/**
 * Refusals of the request itself will be the same next time; but 409 only says that another request with the same key is still at work.
 * Everything else is unknown: it may or may not have taken effect.
 */
function toActionable(error: unknown): Error {
  if (error instanceof RetryableError || error instanceof TerminalError) return error;
  const refused =
    error instanceof Stripe.errors.StripeInvalidRequestError ||
    error instanceof Stripe.errors.StripeAuthenticationError ||
    error instanceof Stripe.errors.StripePermissionError ||
    (error instanceof Stripe.errors.StripeIdempotencyError && error.statusCode !== 409);
  if (refused)
    return new TerminalError(`The payment provider refused the request: ${error.message}`, { cause: error });
  return new RetryableError('The payment provider did not answer or answered with an error.', {
    cause: error,
  });
}
