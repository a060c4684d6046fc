import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stripe } from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ledger } from './ledger-read-out.ts';
import { readLedger } from './ledger-read-out.ts';
import type { RunningPaymentProvider } from './start-payment-provider.ts';
import { startPaymentProvider } from './start-payment-provider.ts';
import { startProviderProcess } from './testing/provider-process.ts';

const key = 'sk_test_contract';
const silenceMillis = 600;
const slowMillis = 200;

let directory: string;
let provider: RunningPaymentProvider;
let stripe: Stripe;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'payment-provider-'));
  provider = await start();
  stripe = client(provider.url);
});

afterEach(async () => {
  await provider.close();
  await rm(directory, { recursive: true, force: true });
});

function start(): Promise<RunningPaymentProvider> {
  const file = join(directory, 'ledger.jsonl');
  return startPaymentProvider({ host: '127.0.0.1', port: 0, file, key, slowMillis, silenceMillis });
}

function client(url: string, options: { readonly apiKey?: string; readonly timeout?: number } = {}): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe(options.apiKey ?? key, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: options.timeout ?? 5_000,
  });
}

function newIntent(paymentMethod: string, idempotencyKey?: string, metadata: Record<string, string> = {}) {
  return stripe.paymentIntents.create(
    {
      amount: 4_999,
      currency: 'eur',
      payment_method: paymentMethod,
      allowed_payment_method_types: ['card'],
      metadata,
    },
    idempotencyKey === undefined ? {} : { idempotencyKey },
  );
}

function readOut(url = provider.url): Promise<Ledger> {
  return readLedger(url);
}

describe('the payment provider, as the official SDK sees it', () => {
  test('an intent takes no money until it is confirmed, and then once', async () => {
    const intent = await newIntent('pm_card_visa', 'k1', { saga_uid: 'u1', order_id: 'o1' });
    expect(intent).toMatchObject({ status: 'requires_confirmation', amount: 4_999, amount_received: 0 });
    expect((await readOut()).captures).toEqual([]);

    const confirmed = await stripe.paymentIntents.confirm(intent.id);
    expect(confirmed).toMatchObject({ status: 'succeeded', amount_received: 4_999 });
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'succeeded',
      metadata: { saga_uid: 'u1', order_id: 'o1' },
    });
    await expect(stripe.paymentIntents.confirm(intent.id)).rejects.toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
    });
    const ledger = await readOut();
    expect(ledger.captures).toMatchObject([{ sagaUid: 'u1', amountCents: 4_999 }]);
    expect(ledger.totals['eur']).toEqual({ capturedCents: 4_999, refundedCents: 0, keptCents: 4_999 });
  });

  test('a canceled intent can never be confirmed, a captured one never canceled', async () => {
    const canceled = await newIntent('pm_card_visa');
    await stripe.paymentIntents.cancel(canceled.id, { cancellation_reason: 'abandoned' });
    await expect(stripe.paymentIntents.confirm(canceled.id)).rejects.toMatchObject({
      code: 'payment_intent_unexpected_state',
      payment_intent: { status: 'canceled' },
    });
    const captured = await newIntent('pm_card_visa');
    await stripe.paymentIntents.confirm(captured.id);
    await expect(stripe.paymentIntents.cancel(captured.id)).rejects.toMatchObject({
      code: 'payment_intent_unexpected_state',
      payment_intent: { status: 'succeeded' },
    });
    expect((await readOut()).captures).toHaveLength(1);
  });

  test('a refund gives back all that is left, and never more than was taken', async () => {
    const intent = await newIntent('pm_card_visa');
    await expect(stripe.refunds.create({ payment_intent: intent.id })).rejects.toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
    await stripe.paymentIntents.confirm(intent.id);
    await stripe.refunds.create({ payment_intent: intent.id, amount: 999 });
    const rest = await stripe.refunds.create({ payment_intent: intent.id });
    expect(rest).toMatchObject({ amount: 4_000, status: 'succeeded' });
    await expect(stripe.refunds.create({ payment_intent: intent.id })).rejects.toMatchObject({
      code: 'charge_already_refunded',
    });
    const refunds = await stripe.refunds.list({ payment_intent: intent.id });
    expect(refunds.data.map((refund) => refund.amount)).toEqual([4_000, 999]);
    expect(await stripe.refunds.retrieve(rest.id)).toMatchObject({ payment_intent: intent.id });
    expect((await readOut()).totals['eur']?.keptCents).toBe(0);
  });

  test('a declined card leaves the intent without a payment method', async () => {
    const intent = await newIntent('pm_card_chargeDeclined');
    await expect(stripe.paymentIntents.confirm(intent.id)).rejects.toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code: 'card_declined',
      decline_code: 'generic_decline',
    });
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'card_declined' },
    });
    await expect(stripe.paymentIntents.cancel(intent.id)).resolves.toMatchObject({ status: 'canceled' });
  });

  test('an unknown payment method, a wrong amount, an unknown parameter and a wrong key are refused by name', async () => {
    await expect(newIntent('pm_card_nonsense')).rejects.toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: 'payment_method',
    });
    await expect(
      stripe.paymentIntents.create({ amount: 0, currency: 'eur', payment_method: 'pm_card_visa' }),
    ).rejects.toMatchObject({ code: 'amount_too_small', param: 'amount' });
    await expect(
      stripe.paymentIntents.create({ amount: 1, currency: 'eur', receipt_email: 'ada@example.org' }),
    ).rejects.toMatchObject({ code: 'parameter_unknown', param: 'receipt_email' });
    await expect(
      client(provider.url, { apiKey: 'sk_test_wrong' }).paymentIntents.retrieve('pi_1'),
    ).rejects.toMatchObject({
      type: 'StripeAuthenticationError',
    });
    await expect(stripe.paymentIntents.retrieve('pi_unknown')).rejects.toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
    });
    expect((await readOut()).intents).toEqual([]);
  });

  test('intents are found by metadata, newest first', async () => {
    const first = await newIntent('pm_card_visa', undefined, { saga_uid: 'u1' });
    const second = await newIntent('pm_card_visa', undefined, { saga_uid: 'u1' });
    await newIntent('pm_card_visa', undefined, { saga_uid: 'u2' });
    const found = await stripe.paymentIntents.search({ query: "metadata['saga_uid']:'u1'" });
    expect(found.data.map((intent) => intent.id)).toEqual([second.id, first.id]);
    expect((await stripe.paymentIntents.list({ limit: 2 })).has_more).toBe(true);
  });
});

describe('idempotency keys', () => {
  test('the same key gives the stored result again and makes nothing new', async () => {
    const first = await newIntent('pm_card_visa', 'same');
    const second = await newIntent('pm_card_visa', 'same');
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect((await readOut()).intents).toHaveLength(1);
  });

  test('the same key with other parameters is an idempotency error', async () => {
    await newIntent('pm_card_visa', 'same');
    await expect(newIntent('pm_card_slow', 'same')).rejects.toMatchObject({
      type: 'StripeIdempotencyError',
      statusCode: 400,
    });
  });

  test('a stored 500 comes back for ever under its key, while another key gets on', async () => {
    const intent = await newIntent('pm_card_flaky');
    const confirm = (idempotencyKey: string) =>
      stripe.paymentIntents.confirm(intent.id, {}, { idempotencyKey });
    await expect(confirm('constant')).rejects.toMatchObject({ statusCode: 500 });
    await expect(confirm('constant')).rejects.toMatchObject({
      statusCode: 500,
      headers: { 'idempotent-replayed': 'true' },
    });
    await expect(confirm('second')).rejects.toMatchObject({ statusCode: 500 });
    await expect(confirm('third')).resolves.toMatchObject({ status: 'succeeded' });
    await expect(confirm('constant')).rejects.toMatchObject({ statusCode: 500 });
    expect((await readOut()).captures).toHaveLength(1);
  });

  test('while the first is in progress the second is told 409, and other requests find the intent locked', async () => {
    const intent = await newIntent('pm_card_slow');
    const first = stripe.paymentIntents.confirm(intent.id, {}, { idempotencyKey: 'busy' });
    await expect
      .poll(() => stripe.paymentIntents.cancel(intent.id).catch((error: unknown) => error))
      .toMatchObject({
        statusCode: 429,
        code: 'lock_timeout',
      });
    await expect(
      stripe.paymentIntents.confirm(intent.id, {}, { idempotencyKey: 'busy' }),
    ).rejects.toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'requires_confirmation',
    });
    await expect(first).resolves.toMatchObject({ status: 'succeeded' });
    await expect(stripe.paymentIntents.cancel(intent.id)).rejects.toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
  });
});

describe('the card whose money is taken in silence', () => {
  test('every connection about the payment hangs, others do not, and afterwards the money is seen to be taken', async () => {
    const intent = await newIntent('pm_card_taken_silent', 'k');
    const impatient = client(provider.url, { timeout: 100 });
    const timedOut = 'Request aborted due to timeout';
    const takenAt = Date.now();
    await expect(impatient.paymentIntents.confirm(intent.id)).rejects.toThrow(timedOut);
    expect((await readOut()).captures).toHaveLength(1);
    await Promise.all([
      expect(impatient.paymentIntents.retrieve(intent.id)).rejects.toThrow(timedOut),
      expect(impatient.paymentIntents.cancel(intent.id)).rejects.toThrow(timedOut),
      expect(impatient.refunds.list({ payment_intent: intent.id })).rejects.toThrow(timedOut),
      expect(impatient.refunds.create({ payment_intent: intent.id })).rejects.toThrow(timedOut),
      expect(newIntent('pm_card_visa')).resolves.toMatchObject({ status: 'requires_confirmation' }),
    ]);
    expect(Date.now() - takenAt).toBeLessThan(silenceMillis);

    await expect
      .poll(() => impatient.paymentIntents.retrieve(intent.id).catch((error: unknown) => error), {
        timeout: 5_000,
      })
      .toMatchObject({ status: 'succeeded' });
    expect((await readOut()).refunds).toEqual([]);
  });

  test('the silence outlasts a restart', async () => {
    const intent = await newIntent('pm_card_taken_silent');
    await expect(client(provider.url, { timeout: 50 }).paymentIntents.confirm(intent.id)).rejects.toThrow(
      'timeout',
    );
    await provider.close();
    provider = await start();
    await expect(client(provider.url, { timeout: 50 }).paymentIntents.retrieve(intent.id)).rejects.toThrow(
      'timeout',
    );
  });
});

describe('the ledger file', () => {
  test('kill -9 loses nothing that was answered, and keys go on replaying', async () => {
    const file = join(directory, 'killed.jsonl');
    const env = { PAYMENT_PROVIDER_KEY: key };
    const before = await startProviderProcess(file, env);
    stripe = client(before.url);
    const kept = await newIntent('pm_card_visa', 'kept');
    await stripe.paymentIntents.confirm(kept.id);
    const refunded = await newIntent('pm_card_visa', 'refunded');
    await stripe.paymentIntents.confirm(refunded.id);
    await stripe.refunds.create({ payment_intent: refunded.id });
    const flaky = await newIntent('pm_card_flaky');
    await expect(stripe.paymentIntents.confirm(flaky.id, {}, { idempotencyKey: 'flaky' })).rejects.toThrow(
      'on our side',
    );
    const ledger = await readOut(before.url);
    await before.kill();

    const after = await startProviderProcess(file, env);
    try {
      stripe = client(after.url);
      expect(await readOut(after.url)).toEqual(ledger);
      expect((await newIntent('pm_card_visa', 'kept')).id).toBe(kept.id);
      await expect(
        stripe.paymentIntents.confirm(flaky.id, {}, { idempotencyKey: 'flaky' }),
      ).rejects.toMatchObject({ headers: { 'idempotent-replayed': 'true' } });
    } finally {
      await after.kill();
    }
  });
});
