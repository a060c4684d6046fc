import type { FormBody } from './form-body.ts';
import { unknownParameter } from './form-body.ts';
import type { Capture, Intent } from './ledger-state.ts';
import { flakeCount } from './ledger-state.ts';
import type { Decision, Facts, Rule } from './operation.ts';
import {
  cardError,
  failed,
  intentBody,
  listBody,
  missing,
  ok,
  refused,
  serverError,
  unexpectedState,
} from './stripe-answer.ts';
import { conductOf, flakyFailures } from './test-payment-method.ts';

/** What Stripe accepts in metadata: 50 keys of 40 characters, values of 500 (Stripe docs, "Metadata"). */
const metadataLimits = { keys: 50, keyLength: 40, valueLength: 500 } as const;
const amountCentsMax = 99_999_999;

const createParameters = [
  'amount',
  'currency',
  'payment_method',
  'allowed_payment_method_types',
  'metadata',
  'confirm',
  'description',
  'capture_method',
];

export const createIntent: Rule = (state, form, facts) => {
  const refusal = createRefusal(form);
  if (refusal) return refusal;
  const paymentMethod = form.fields.get('payment_method') ?? null;
  const conduct = paymentMethod === null ? undefined : conductOf(paymentMethod);
  if (paymentMethod !== null && !conduct) {
    return { answer: missing('PaymentMethod', paymentMethod, 'payment_method', 400) };
  }
  const metadata = form.maps.get('metadata') ?? {};
  if (conduct?.kind === 'flaky' && conduct.operation === 'create') {
    const object = `create:${metadata['saga_uid'] ?? metadata['order_id'] ?? ''}`;
    if (flakeCount(state, object) < flakyFailures)
      return { answer: serverError(), entry: { flaked: object } };
  }
  const intent: Intent = {
    id: facts.newId('pi'),
    amountCents: Number(form.fields.get('amount')),
    currency: form.fields.get('currency') ?? '',
    status: paymentMethod === null ? 'requires_payment_method' : 'requires_confirmation',
    paymentMethod,
    metadata,
    createdAtMillis: facts.nowMillis,
    canceledAtMillis: null,
    cancellationReason: null,
    declineCode: null,
    chargeId: null,
    silentUntilMillis: 0,
  };
  return { answer: ok(intentBody(intent)), entry: { intent } };
};

function createRefusal(form: FormBody): Decision | undefined {
  const unknown = unknownParameter(form, createParameters);
  if (unknown !== undefined)
    return badParameter('parameter_unknown', unknown, `Received unknown parameter: ${unknown}`);
  const amount = form.fields.get('amount') ?? '';
  if (!/^[0-9]+$/.test(amount)) {
    return badParameter('parameter_invalid_integer', 'amount', `Invalid integer: ${amount}`);
  }
  if (Number(amount) < 1) {
    return badParameter('amount_too_small', 'amount', 'Amount must convert to at least 1 cent.');
  }
  if (Number(amount) > amountCentsMax) {
    return badParameter('amount_too_large', 'amount', `Amount must be no more than ${amountCentsMax}.`);
  }
  if (!/^[a-z]{3}$/.test(form.fields.get('currency') ?? '')) {
    return badParameter(
      'parameter_invalid_string_blank',
      'currency',
      'Invalid currency: use three lower-case letters.',
    );
  }
  if (form.fields.get('confirm') === 'true') {
    return badParameter(
      'parameter_unknown',
      'confirm',
      'This provider creates intents unconfirmed; confirm in a second request.',
    );
  }
  if (form.fields.get('capture_method') === 'manual') {
    return badParameter('parameter_unknown', 'capture_method', 'This provider captures at confirm only.');
  }
  const metadata = Object.entries(form.maps.get('metadata') ?? {});
  const tooLong = metadata.some(
    ([key, value]) => key.length > metadataLimits.keyLength || value.length > metadataLimits.valueLength,
  );
  if (tooLong || metadata.length > metadataLimits.keys) {
    return badParameter(
      'parameter_invalid',
      'metadata',
      'Metadata is limited to 50 keys of 40 characters with values of 500.',
    );
  }
  return undefined;
}

export function badParameter(code: string, param: string, message: string): Decision {
  return { answer: refused(400, { type: 'invalid_request_error', code, param, message }) };
}

export function getIntent(intentId: string): Rule {
  return (state) => {
    const intent = state.intents.get(intentId);
    return { answer: intent ? ok(intentBody(intent)) : missing('payment_intent', intentId, 'intent') };
  };
}

const confirmParameters = ['payment_method', 'error_on_requires_action', 'off_session', 'return_url'];

/** Money moves here and nowhere else. A canceled intent stays canceled: that refusal is the provider's own tombstone. */
export function confirmIntent(intentId: string): Rule {
  return (state, form, facts) => {
    const unknown = unknownParameter(form, confirmParameters);
    if (unknown !== undefined)
      return badParameter('parameter_unknown', unknown, `Received unknown parameter: ${unknown}`);
    const intent = state.intents.get(intentId);
    if (!intent) return { answer: missing('payment_intent', intentId, 'intent') };
    if (intent.status === 'canceled' || intent.status === 'succeeded') {
      return { answer: unexpectedState(intent, 'confirm') };
    }
    const paymentMethod = form.fields.get('payment_method') ?? intent.paymentMethod;
    if (paymentMethod === null) return { answer: unexpectedState(intent, 'confirm') };
    const conduct = conductOf(paymentMethod);
    if (!conduct) return { answer: missing('PaymentMethod', paymentMethod, 'payment_method', 400) };
    switch (conduct.kind) {
      case 'declines':
        return decline(
          { ...intent, paymentMethod: null, declineCode: conduct.declineCode },
          conduct.declineCode,
        );
      case 'flaky': {
        const object = `confirm:${intent.id}`;
        const fails = conduct.operation === 'confirm' && flakeCount(state, object) < flakyFailures;
        return fails
          ? { answer: serverError(), entry: { flaked: object } }
          : capture(intent, paymentMethod, facts, 0);
      }
      case 'taken-silent':
        return { ...capture(intent, paymentMethod, facts, facts.silenceMillis), silent: true };
      case 'slow':
      case 'accepts':
        return capture(intent, paymentMethod, facts, 0);
    }
  };
}

function decline(intent: Intent, declineCode: string): Decision {
  const declined: Intent = { ...intent, status: 'requires_payment_method' };
  const error = { ...cardError(declineCode), payment_intent: intentBody(declined) };
  return { answer: failed(402, error), entry: { intent: declined } };
}

function capture(intent: Intent, paymentMethod: string, facts: Facts, silenceMillis: number): Decision {
  const taken: Capture = {
    id: facts.newId('ch'),
    intentId: intent.id,
    amountCents: intent.amountCents,
    currency: intent.currency,
    atMillis: facts.nowMillis,
  };
  const succeeded: Intent = {
    ...intent,
    status: 'succeeded',
    paymentMethod,
    declineCode: null,
    chargeId: taken.id,
    silentUntilMillis: silenceMillis === 0 ? 0 : facts.nowMillis + silenceMillis,
  };
  return { answer: ok(intentBody(succeeded)), entry: { intent: succeeded, capture: taken } };
}

export function cancelIntent(intentId: string): Rule {
  return (state, form, facts) => {
    const unknown = unknownParameter(form, ['cancellation_reason']);
    if (unknown !== undefined)
      return badParameter('parameter_unknown', unknown, `Received unknown parameter: ${unknown}`);
    const intent = state.intents.get(intentId);
    if (!intent) return { answer: missing('payment_intent', intentId, 'intent') };
    if (intent.status === 'canceled' || intent.status === 'succeeded') {
      return { answer: unexpectedState(intent, 'cancel') };
    }
    const canceled: Intent = {
      ...intent,
      status: 'canceled',
      canceledAtMillis: facts.nowMillis,
      cancellationReason: form.fields.get('cancellation_reason') ?? null,
    };
    return { answer: ok(intentBody(canceled)), entry: { intent: canceled } };
  };
}

export const listIntents: Rule = (state, form) => {
  const newestFirst = [...state.intents.values()].toReversed();
  const after = form.fields.get('starting_after');
  const from = after === undefined ? 0 : newestFirst.findIndex((intent) => intent.id === after) + 1;
  return { answer: ok(page('/v1/payment_intents', newestFirst.slice(from), form)) };
};

/** `metadata['key']:'value'`, joined by AND. Stripe's search lags behind by up to a minute: no decision may rest on it. */
export const searchIntents: Rule = (state, form) => {
  const clauses = (form.fields.get('query') ?? '').split(/ AND /i).map(metadataClause);
  const wanted = clauses.filter((clause) => clause !== undefined);
  if (wanted.length !== clauses.length) {
    return badParameter('parameter_invalid', 'query', "Use metadata['key']:'value', joined by AND.");
  }
  const found = [...state.intents.values()].toReversed().filter(hasAll(wanted));
  return { answer: ok({ ...page('/v1/payment_intents/search', found, form), object: 'search_result' }) };
};

type Clause = readonly [key: string, value: string];

function metadataClause(text: string): Clause | undefined {
  const match = /^\s*metadata\[["']([^"']+)["']\]:["']([^"']*)["']\s*$/.exec(text);
  return match ? [match[1] ?? '', match[2] ?? ''] : undefined;
}

function hasAll(wanted: readonly Clause[]): (intent: Intent) => boolean {
  return (intent) => wanted.every(([key, value]) => intent.metadata[key] === value);
}

function page(url: string, intents: readonly Intent[], form: FormBody): object {
  const limit = Math.min(Number(form.fields.get('limit') ?? 10) || 10, 100);
  return listBody(url, intents.slice(0, limit).map(intentBody), intents.length > limit);
}
