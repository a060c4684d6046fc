import type { Command } from '@sagamesh/contracts/messages';
import type { Db } from '@sagamesh/kit/db';
import { commandBuilder } from '@sagamesh/kit/testing/command-builder';
import type { StepHarness } from '@sagamesh/kit/testing/step-harness';
import { openStepHarness } from '@sagamesh/kit/testing/step-harness';
import type { Ledger } from '@sagamesh/payment-provider/ledger-read-out';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createChargeStep } from '../charge-step.ts';
import type { PaymentGateway } from '../payment-gateway.ts';
import { ledgerOfOrder, paymentsOfOrder } from '../payment-store.ts';
import type { PaymentGatewaySubject } from './payment-gateway.behaviour.ts';

/** Charge and refund on a database with the tables of the payment service, against the bundled provider. */

export interface ChargeSubject extends PaymentGatewaySubject {
  readonly db: Db;
}

const amountCents = 4_999;

function sum(entries: readonly { readonly amountCents: number }[]): number {
  return entries.reduce((cents, entry) => cents + entry.amountCents, 0);
}

export function sagaOf(paymentMethod: string) {
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

/** What the provider's own ledger says about one saga. */
export function moneyOf(ledger: Ledger, { sagaUid }: Command) {
  const mine = <T extends { readonly sagaUid: string | null }>(all: readonly T[]): readonly T[] =>
    all.filter((entry) => entry.sagaUid === sagaUid);
  const [captures, refunds] = [mine(ledger.captures), mine(ledger.refunds)];
  return {
    intents: mine(ledger.intents).map((intent) => intent.status),
    captures: captures.length,
    refunds: refunds.length,
    keptCents: sum(captures) - sum(refunds),
  };
}

export async function ledgerKindsOf(db: Db, { orderId }: Command): Promise<readonly string[]> {
  return (await ledgerOfOrder(db, orderId)).map((entry) => `${entry.kind} ${entry.amountCents}`);
}

export async function eventTypesOf(harness: StepHarness, command: Command): Promise<readonly string[]> {
  const events = await harness.events();
  return events
    .filter((event) => 'sagaUid' in event.payload && event.payload.sagaUid === command.sagaUid)
    .map((event) => event.eventType);
}

export function chargeStepBehaviour(name: string, open: () => Promise<ChargeSubject>): void {
  describe(`charge and refund on ${name}`, () => {
    let subject: ChargeSubject;
    let db: Db;
    let gateway: PaymentGateway;
    let harness: StepHarness;

    beforeAll(async () => {
      subject = await open();
      db = subject.db;
    });
    afterAll(() => subject.close());
    beforeEach(() => {
      gateway = subject.connect();
      harness = harnessWith({});
    });

    const atProvider = async (command: Command) => moneyOf(await subject.readLedger(), command);
    const ledgerKinds = (command: Command) => ledgerKindsOf(db, command);
    const eventTypes = (command: Command) => eventTypesOf(harness, command);

    /** A harness whose provider misbehaves in one place; the database and the provider behind it are the same. */
    function harnessWith(change: Partial<PaymentGateway>): StepHarness {
      return openStepHarness({
        service: 'payment',
        db,
        steps: [createChargeStep({ ...gateway, ...change })],
      });
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
  });
}
