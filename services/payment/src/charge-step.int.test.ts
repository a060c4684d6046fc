import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from '@sagamesh/contracts/messages';
import type { Db } from '@sagamesh/kit/db';
import { commandBuilder } from '@sagamesh/kit/testing/command-builder';
import type { StepHarness } from '@sagamesh/kit/testing/step-harness';
import { openStepHarness } from '@sagamesh/kit/testing/step-harness';
import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { readLedger } from '@sagamesh/payment-provider/ledger-read-out';
import type { ProviderProcess } from '@sagamesh/payment-provider/testing/provider-process';
import { startProviderProcess } from '@sagamesh/payment-provider/testing/provider-process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createChargeStep } from './charge-step.ts';
import type { PaymentGateway } from './payment-gateway.ts';
import { paymentMigrations } from './payment-migrations.ts';
import { ledgerOfOrder, paymentsOfOrder } from './payment-store.ts';
import { createStripeGateway } from './stripe-gateway.ts';

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

function sum(entries: readonly { readonly amountCents: number }[]): number {
  return entries.reduce((cents, entry) => cents + entry.amountCents, 0);
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

/** What the provider's own ledger says about one saga. */
async function atProvider(command: Command) {
  const ledger = await readLedger(provider.url);
  const mine = <T extends { readonly sagaUid: string | null }>(all: readonly T[]): readonly T[] =>
    all.filter((entry) => entry.sagaUid === command.sagaUid);
  const [captures, refunds] = [mine(ledger.captures), mine(ledger.refunds)];
  return {
    intents: mine(ledger.intents).map((intent) => intent.status),
    captures: captures.length,
    refunds: refunds.length,
    keptCents: sum(captures) - sum(refunds),
  };
}

function sagaOf(paymentMethod: string) {
  const command = commandBuilder({
    step: 'processPayment',
    action: 'charge',
    order: { paymentMethod, contact: { email: 'ada@example.org' } },
  });
  return {
    charge: command,
    refund: () => command({ direction: 'compensate', action: 'refund' }),
  };
}

describe.each(['pglite', 'postgres'] as const)(
  'charge and refund on %s, against the real provider',
  (engine) => {
    let db: Db;
    let gateway: PaymentGateway;
    let harness: StepHarness;

    beforeAll(async () => {
      db = await openTestDatabase(engine, paymentMigrations);
    });
    afterAll(() => db.close());
    beforeEach(() => {
      gateway = createStripeGateway({ url: provider.url, key, timeoutMillis });
      harness = harnessWith({});
    });

    /** A harness whose provider misbehaves in one place; the database and the provider behind it are the same. */
    function harnessWith(change: Partial<PaymentGateway>): StepHarness {
      return openStepHarness({
        service: 'payment',
        db,
        steps: [createChargeStep({ ...gateway, ...change })],
      });
    }

    async function ledgerKinds(command: Command): Promise<readonly string[]> {
      return (await ledgerOfOrder(db, command.orderId)).map((entry) => `${entry.kind} ${entry.amountCents}`);
    }

    async function eventTypes(command: Command): Promise<readonly string[]> {
      const events = await harness.events();
      return events
        .filter((event) => 'sagaUid' in event.payload && event.payload.sagaUid === command.sagaUid)
        .map((event) => event.eventType);
    }

    test('a charge takes the money once, however often it is sent; a refund gives it back once', async () => {
      const saga = sagaOf('pm_card_visa');
      const first = await harness.send(saga.charge());
      expect(first).toMatchObject({
        outcome: 'Executed',
        result: { paymentId: expect.stringMatching(/^pi_/) },
      });
      expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Executed', result: first.result });
      expect(await atProvider(saga.charge())).toMatchObject({ captures: 1, keptCents: amountCents });
      expect(await paymentsOfOrder(db, saga.charge().orderId)).toMatchObject([
        { paymentId: first.result['paymentId'], status: 'captured', amountCents, currency: 'EUR' },
      ]);

      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
      expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Fenced' });
      expect(await atProvider(saga.charge())).toEqual({
        intents: ['succeeded'],
        captures: 1,
        refunds: 1,
        keptCents: 0,
      });
      expect(await ledgerKinds(saga.charge())).toEqual([
        `captured ${amountCents}`,
        `refunded ${amountCents}`,
      ]);
      expect(await eventTypes(saga.charge())).toEqual(['payment.captured', 'payment.refunded']);
    });

    test('a declined card is a business no, and its payment can never take money afterwards', async () => {
      const saga = sagaOf('pm_card_chargeDeclined');
      const reply = await harness.send(saga.charge());
      expect(reply).toMatchObject({
        outcome: 'Rejected',
        reason: 'CardDeclined',
        message: 'Your card was declined.',
      });
      expect(await harness.send(saga.charge())).toMatchObject({
        outcome: 'Rejected',
        reason: 'CardDeclined',
      });
      expect(await atProvider(saga.charge())).toMatchObject({ intents: ['canceled'], captures: 0 });
      expect(await eventTypes(saga.charge())).toEqual(['payment.declined']);
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'NothingToUndo' });
      expect(await ledgerKinds(saga.charge())).toEqual([]);
    });

    test('a declined card whose cancellation failed is told as declined by the next attempt', async () => {
      const saga = sagaOf('pm_card_chargeDeclined');
      const failing = harnessWith({ cancel: () => Promise.reject(new Error('down')) });
      expect(await failing.send(saga.charge())).toMatchObject({ outcome: 'Failed' });
      expect(await harness.send(saga.charge())).toMatchObject({
        outcome: 'Rejected',
        reason: 'CardDeclined',
      });
      expect(await atProvider(saga.charge())).toMatchObject({ intents: ['canceled'] });
    });

    test('a payment method or an amount that the provider does not take is refused before anything exists', async () => {
      const unknown = sagaOf('pm_card_nonsense');
      expect(await harness.send(unknown.charge())).toMatchObject({
        outcome: 'Rejected',
        reason: 'UnknownPaymentMethod',
      });
      expect(await harness.send(unknown.refund())).toMatchObject({ outcome: 'NothingToUndo' });
      const dear = sagaOf('pm_card_visa');
      const items = [{ sku: 'YACHT', quantity: 2, unitPriceCents: 60_000_000 }];
      expect(await harness.send(dear.charge({ order: { items } }))).toMatchObject({
        outcome: 'Rejected',
        reason: 'AmountNotAccepted',
      });
      expect(await atProvider(unknown.charge())).toMatchObject({ intents: [] });
    });

    test.each(['pm_card_flaky', 'pm_card_flaky_create'])(
      '%s: stored 500s do not come back for ever; it ends with one capture',
      async (paymentMethod) => {
        const saga = sagaOf(paymentMethod);
        expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Failed' });
        expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Failed' });
        expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Executed' });
        expect(await atProvider(saga.charge())).toEqual({
          intents: ['succeeded'],
          captures: 1,
          refunds: 0,
          keptCents: amountCents,
        });
      },
    );

    test('a refund that answers 500 at first is made once in the end', async () => {
      const saga = sagaOf('pm_card_flaky_refund');
      expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Executed' });
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Failed' });
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Failed' });
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
      expect(await atProvider(saga.charge())).toMatchObject({ captures: 1, refunds: 1, keptCents: 0 });
    });

    test('a crash between the committed intent and its confirmation: the next attempt goes on with the same payment', async () => {
      const saga = sagaOf('pm_card_visa');
      const crashing = harnessWith({ read: () => Promise.reject(new Error('the process died here')) });
      expect(await crashing.send(saga.charge())).toMatchObject({ outcome: 'Failed' });
      const pending = await harness.fenceRow(saga.charge());
      expect(pending).toMatchObject({ state: 'pending' });
      expect(await atProvider(saga.charge())).toMatchObject({
        intents: ['requires_confirmation'],
        captures: 0,
      });
      const reply = await harness.send(saga.charge());
      expect(reply).toMatchObject({ outcome: 'Executed', result: { paymentId: pending?.reference } });
      expect(await atProvider(saga.charge())).toMatchObject({ intents: ['succeeded'], captures: 1 });
    });

    test('an undo of a payment that was never confirmed cancels it, and a late charge is fenced', async () => {
      const saga = sagaOf('pm_card_visa');
      const crashing = harnessWith({ read: () => Promise.reject(new Error('the process died here')) });
      await crashing.send(saga.charge());
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
      expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Fenced' });
      expect(await atProvider(saga.charge())).toMatchObject({ intents: ['canceled'], captures: 0 });
      expect(await paymentsOfOrder(db, saga.charge().orderId)).toMatchObject([{ status: 'cancelled' }]);
      expect(await eventTypes(saga.charge())).toEqual([]);
    });

    test('an undo before the charge leaves a tombstone: the charge comes too late and touches no money', async () => {
      const saga = sagaOf('pm_card_visa');
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'NothingToUndo' });
      expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Fenced' });
      expect(await atProvider(saga.charge())).toMatchObject({ captures: 0 });
    });

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
      expect(await ledgerKinds(saga.charge())).toEqual([
        `captured ${amountCents}`,
        `refunded ${amountCents}`,
      ]);
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

    test('the money is taken between the reading and the cancelling of an undo: it is refunded, and the charge is fenced', async () => {
      const saga = sagaOf('pm_card_visa');
      const crashing = harnessWith({ read: () => Promise.reject(new Error('the process died here')) });
      await crashing.send(saga.charge());
      const racing = harnessWith({
        cancel: async (paymentId, why) => {
          await gateway.confirm(paymentId);
          return gateway.cancel(paymentId, why);
        },
      });
      expect(await racing.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
      expect(await atProvider(saga.charge())).toEqual({
        intents: ['succeeded'],
        captures: 1,
        refunds: 1,
        keptCents: 0,
      });
      expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Fenced' });
    });

    test('given back by an undo that died before it said so: a late charge is never executed, the next undo tells', async () => {
      const saga = sagaOf('pm_card_visa');
      const crashing = harnessWith({
        confirm: async (paymentId) => {
          await gateway.confirm(paymentId);
          throw new Error('the process died here');
        },
      });
      await crashing.send(saga.charge());
      const dying = harnessWith({
        refund: async (paymentId, place) => {
          await gateway.refund(paymentId, place);
          throw new Error('the process died here');
        },
      });
      await dying.send(saga.refund());
      expect(await atProvider(saga.charge())).toMatchObject({ captures: 1, refunds: 1 });
      expect(await harness.send(saga.charge())).toMatchObject({ outcome: 'Failed' });
      expect(await harness.fenceRow(saga.charge())).toMatchObject({ state: 'pending' });
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
      expect(await eventTypes(saga.charge())).toEqual(['payment.refunded']);
    });

    test('the payment is cancelled between the reading and the confirming of a charge: nothing is taken', async () => {
      const saga = sagaOf('pm_card_visa');
      const racing = harnessWith({
        confirm: async (paymentId) => {
          expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
          return gateway.confirm(paymentId);
        },
      });
      expect(await racing.send(saga.charge())).toMatchObject({ outcome: 'Fenced' });
      expect(await atProvider(saga.charge())).toMatchObject({ intents: ['canceled'], captures: 0 });
      expect(await harness.fenceRow(saga.charge())).toMatchObject({ state: 'compensated' });
    });

    test('two undos of one captured payment at the same time: one refund', async () => {
      const saga = sagaOf('pm_card_visa');
      await harness.send(saga.charge());
      const replies = await Promise.all([1, 2, 3].map(() => harness.send(saga.refund())));
      expect(replies.map((reply) => reply.outcome)).toContain('Compensated');
      expect(await harness.send(saga.refund())).toMatchObject({ outcome: 'Compensated' });
      expect(await atProvider(saga.charge())).toMatchObject({ captures: 1, refunds: 1, keptCents: 0 });
      expect(await eventTypes(saga.charge())).toEqual(['payment.captured', 'payment.refunded']);
    });

    test('an undo while a slow charge is under way waits for it, then refunds', async () => {
      const saga = sagaOf('pm_card_slow');
      const patient = createStripeGateway({ url: provider.url, key, timeoutMillis: 5_000 });
      const slow = harnessWith({ confirm: (paymentId) => patient.confirm(paymentId) });
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
      gateway = createStripeGateway({ url: 'http://127.0.0.1:9', key, timeoutMillis });
      expect(await harnessWith({}).send(saga.charge())).toMatchObject({ outcome: 'Failed' });
      gateway = createStripeGateway({ url: provider.url, key: 'sk_test_wrong', timeoutMillis: 300 });
      expect(await harnessWith({}).send(saga.charge())).toMatchObject({
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
        await expect(db.query(`${change} where saga_uid = $1::uuid`, [sagaUid])).rejects.toThrow(
          'append-only',
        );
      }
    });
  },
);

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
