import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from '@sagamesh/contracts/messages';
import type { Db } from '@sagamesh/kit/db';
import type { StepHarness } from '@sagamesh/kit/testing/step-harness';
import { openStepHarness } from '@sagamesh/kit/testing/step-harness';
import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { readLedger } from '@sagamesh/payment-provider/ledger-read-out';
import type { ProviderProcess } from '@sagamesh/payment-provider/testing/provider-process';
import { startProviderProcess } from '@sagamesh/payment-provider/testing/provider-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createChargeStep } from './charge-step.ts';
import type { PaymentGateway } from './payment-gateway.ts';
import { paymentMigrations } from './payment-migrations.ts';
import { createStripeGateway } from './stripe-gateway.ts';
import {
  chargeStepBehaviour,
  eventTypesOf,
  ledgerKindsOf,
  moneyOf,
  sagaOf,
} from './testing/charge-step.behaviour.ts';

const key = 'sk_test_steps';
const silenceMillis = 3_000;
/** Long enough for an honest answer on a busy machine, short enough to give up twice while the provider is silent. */
const timeoutMillis = 1_000;
const amountCents = 4_999;

let directory: string;
let provider: ProviderProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'payment-steps-'));
  provider = await startProvider();
});
afterAll(async () => {
  await provider.kill();
  await stopTestPostgres();
  await rm(directory, { recursive: true, force: true });
});

function startProvider(): Promise<ProviderProcess> {
  return startProviderProcess(join(directory, 'ledger.jsonl'), {
    PAYMENT_PROVIDER_KEY: key,
    SILENCE_MILLIS: String(silenceMillis),
    SLOW_MILLIS: '1000',
  });
}

/** Resolves when a request about the payment is under way at the provider. The probe is refused by its parameter, so it changes nothing. */
async function untilLocked(paymentId: string): Promise<void> {
  const probe = async () => {
    const response = await fetch(`${provider.url}/v1/payment_intents/${paymentId}/cancel`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: 'probe=1',
    });
    return response.status;
  };
  await expect.poll(probe, { interval: 5 }).toBe(429);
}

const engines = ['pglite', 'postgres'] as const;

for (const engine of engines) {
  chargeStepBehaviour(`${engine}, against the provider process`, async () => {
    const db = await openTestDatabase(engine, paymentMigrations);
    return {
      db,
      connect: () => createStripeGateway({ url: provider.url, key, timeoutMillis }),
      readLedger: () => readLedger(provider.url),
      close: () => db.close(),
    };
  });
}

describe.each(engines)('charge and refund on %s, where it takes real time or SQL', (engine) => {
  let db: Db;
  let harness: StepHarness;

  beforeAll(async () => {
    db = await openTestDatabase(engine, paymentMigrations);
    harness = harnessOn(gatewayTo(provider.url));
  });
  afterAll(() => db.close());

  const gatewayTo = (url: string, change = {}) => createStripeGateway({ url, key, timeoutMillis, ...change });
  const harnessOn = (gateway: PaymentGateway) =>
    openStepHarness({ service: 'payment', db, steps: [createChargeStep(gateway)] });

  const atProvider = async (command: Command) => moneyOf(await readLedger(provider.url), command);
  const ledgerKinds = (command: Command) => ledgerKindsOf(db, command);
  const eventTypes = (command: Command) => eventTypesOf(harness, command);

  test('money taken, answer lost, then undone: refunded exactly once, and the ledger learns of both', async () => {
    const saga = sagaOf('pm_card_taken_silent');
    expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Failed' });
    expect(await atProvider(saga.charge())).toMatchObject({ captures: 1, refunds: 0 });
    expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Failed' });
    await expect
      .poll(async () => (await harness.send(saga.refund())).outcome, { timeout: 10_000 })
      .toBe('Compensated');
    expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
    expect(await atProvider(saga.charge())).toEqual({
      intents: ['succeeded'],
      captures: 1,
      refunds: 1,
      keptCents: 0,
    });
    expect(await ledgerKinds(saga.charge())).toEqual([`captured ${amountCents}`, `refunded ${amountCents}`]);
    expect(await eventTypes(saga.charge())).toEqual(['payment.refunded']);
  });

  test('money taken, answer lost, then tried again: executed with one capture; others are served meanwhile', async () => {
    const silent = sagaOf('pm_card_taken_silent');
    expect(await harness.send(silent.charge())).toMatchObject({ outcome: 'Failed' });
    const hanging = harness.send(silent.charge());
    expect(await harness.send(sagaOf('pm_card_visa').charge())).toMatchObject({ outcome: 'Executed' });
    expect(await hanging).toMatchObject({ outcome: 'Failed' });
    await expect
      .poll(async () => (await harness.send(silent.charge())).outcome, { timeout: 10_000 })
      .toBe('Executed');
    expect(await atProvider(silent.charge())).toMatchObject({ captures: 1, keptCents: amountCents });
    expect(await ledgerKinds(silent.charge())).toEqual([`captured ${amountCents}`]);
  });

  test('an undo while a slow charge is under way waits for it, then refunds', async () => {
    const saga = sagaOf('pm_card_slow');
    const patient = gatewayTo(provider.url, { timeoutMillis: 5_000 });
    const slow = harnessOn({
      ...gatewayTo(provider.url),
      confirm: (paymentId) => patient.confirm(paymentId),
    });
    const charge = slow.send(saga.charge());
    await expect.poll(() => harness.fenceRow(saga.charge())).toMatchObject({ state: 'pending' });
    await untilLocked((await harness.fenceRow(saga.charge()))?.reference ?? '');
    expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Failed' });
    await expect
      .poll(async () => (await harness.send(saga.refund())).outcome, { timeout: 10_000 })
      .toBe('Compensated');
    expect(['Executed', 'Fenced']).toContain((await charge).outcome);
    expect(await harness.fenceRow(saga.charge())).toMatchObject({ state: 'compensated' });
    expect(await atProvider(saga.charge())).toMatchObject({ captures: 1, refunds: 1, keptCents: 0 });
  });

  test('a provider that is down or refuses our key: Failed, never a decision', async () => {
    const saga = sagaOf('pm_card_visa');
    const down = harnessOn(gatewayTo('http://127.0.0.1:9'));
    expect(await down.send(saga.charge())).toMatchObject({ outcome: 'Failed' });
    const refused = harnessOn(gatewayTo(provider.url, { key: 'sk_test_wrong', timeoutMillis: 300 }));
    expect(await refused.send(saga.charge())).toMatchObject({
      outcome: 'Failed',
      message: expect.stringContaining('Invalid API key'),
    });
    expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Executed' });
  });

  test('the ledger takes no second entry of a kind, and none is ever changed', async () => {
    const saga = sagaOf('pm_card_visa');
    await harness.send(saga.charge());
    const { sagaUid } = saga.charge();
    await expect(
      db.query(
        `insert into payment_ledger (saga_uid, step, order_id, payment_id, kind, amount_cents, currency)
         select saga_uid, step, order_id, payment_id, kind, amount_cents, currency
           from payment_ledger where saga_uid = $1::uuid`,
        [sagaUid],
      ),
    ).rejects.toThrow('duplicate key');
    for (const change of ['update payment_ledger set amount_cents = 1', 'delete from payment_ledger']) {
      await expect(db.query(`${change} where saga_uid = $1::uuid`, [sagaUid])).rejects.toThrow('append-only');
    }
  });
});

describe('the provider is killed', () => {
  test('after it took the money and before it answered: the payment is found captured, once', async () => {
    const db = await openTestDatabase('pglite', paymentMigrations);
    const killed = await startProviderProcess(join(directory, 'killed.jsonl'), {
      PAYMENT_PROVIDER_KEY: key,
      SILENCE_MILLIS: '3000',
    });
    const config = { key, timeoutMillis: 5_000 };
    const before = openStepHarness({
      service: 'payment',
      db,
      steps: [createChargeStep(createStripeGateway({ url: killed.url, ...config }))],
    });
    const saga = sagaOf('pm_card_taken_silent');
    const lost = before.send(saga.charge());
    await expect.poll(async () => (await readLedger(killed.url)).captures.length).toBe(1);
    await killed.kill();
    expect(await lost).toMatchObject({ outcome: 'Failed' });

    const restarted = await startProviderProcess(join(directory, 'killed.jsonl'), {
      PAYMENT_PROVIDER_KEY: key,
    });
    const after = openStepHarness({
      service: 'payment',
      db,
      steps: [createChargeStep(createStripeGateway({ url: restarted.url, ...config }))],
    });
    await expect
      .poll(async () => (await after.send(saga.charge())).outcome, { timeout: 20_000 })
      .toBe('Executed');
    expect((await readLedger(restarted.url)).intents).toMatchObject([{ status: 'succeeded', captures: 1 }]);
    await restarted.kill();
    await db.close();
  });
});
