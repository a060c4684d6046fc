import { unknownParameter } from './form-body.ts';
import { badParameter } from './intent-rules.ts';
import type { Refund } from './ledger-state.ts';
import { flakeCount, refundedCents, refundsOf } from './ledger-state.ts';
import type { Rule } from './operation.ts';
import { failed, listBody, missing, ok, refundBody, serverError } from './stripe-answer.ts';
import { conductOf, flakyFailures } from './test-payment-method.ts';

const createParameters = ['payment_intent', 'amount', 'metadata', 'reason'];

/** Gives money back, never more than was taken: without an amount, all that is left. */
export const createRefund: Rule = (state, form, facts) => {
  const unknown = unknownParameter(form, createParameters);
  if (unknown !== undefined)
    return badParameter('parameter_unknown', unknown, `Received unknown parameter: ${unknown}`);
  const intentId = form.fields.get('payment_intent');
  if (intentId === undefined) {
    return badParameter('parameter_missing', 'payment_intent', 'Missing required param: payment_intent.');
  }
  const intent = state.intents.get(intentId);
  if (!intent) return { answer: missing('payment_intent', intentId, 'payment_intent') };
  if (intent.status !== 'succeeded' || intent.chargeId === null) {
    return {
      answer: failed(400, {
        type: 'invalid_request_error',
        code: 'payment_intent_unexpected_state',
        message: 'This PaymentIntent does not have a successful charge to refund.',
      }),
    };
  }
  const conduct = intent.paymentMethod === null ? undefined : conductOf(intent.paymentMethod);
  const flakyObject = `refund:${intent.id}`;
  if (
    conduct?.kind === 'flaky' &&
    conduct.operation === 'refund' &&
    flakeCount(state, flakyObject) < flakyFailures
  ) {
    return { answer: serverError(), entry: { flaked: flakyObject } };
  }
  const leftCents = intent.amountCents - refundedCents(state, intent.id);
  if (leftCents === 0) {
    return {
      answer: failed(400, {
        type: 'invalid_request_error',
        code: 'charge_already_refunded',
        message: `Charge ${intent.chargeId} has already been refunded.`,
      }),
    };
  }
  const amount = form.fields.get('amount');
  const amountCents = amount === undefined ? leftCents : Number(amount);
  if (!Number.isInteger(amountCents) || amountCents < 1 || amountCents > leftCents) {
    return badParameter('parameter_invalid_integer', 'amount', `The refund must be 1 to ${leftCents} cents.`);
  }
  const refund: Refund = {
    id: facts.newId('re'),
    intentId: intent.id,
    chargeId: intent.chargeId,
    amountCents,
    currency: intent.currency,
    metadata: form.maps.get('metadata') ?? {},
    atMillis: facts.nowMillis,
  };
  return { answer: ok(refundBody(refund)), entry: { refund } };
};

export function getRefund(refundId: string): Rule {
  return (state) => {
    const refund = state.refunds.get(refundId);
    return { answer: refund ? ok(refundBody(refund)) : missing('refund', refundId, 'refund') };
  };
}

export const listRefunds: Rule = (state, form) => {
  const intentId = form.fields.get('payment_intent');
  const all = intentId === undefined ? [...state.refunds.values()] : refundsOf(state, intentId);
  const limit = Math.min(Number(form.fields.get('limit') ?? 10) || 10, 100);
  const newestFirst = all.toReversed();
  return {
    answer: ok(listBody('/v1/refunds', newestFirst.slice(0, limit).map(refundBody), all.length > limit)),
  };
};
