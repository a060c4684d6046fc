import type { Mutant } from './mutant.ts';

/** Bugs of the services: their effects, their events, their mails. */

const charge = 'services/payment/src/charge-decision.ts';
const relay = 'services/kit/src/outbox-relay.ts';

export const serviceMutants: readonly Mutant[] = [
  {
    id: 'outbox-marked-before-published',
    title: 'An outbox row is marked published before it is published.',
    patches: [
      {
        file: relay,
        find: 'const { settled, error } = await this.publishAll(rows);',
        replace: 'const settled = rows.map(({ seq }) => seq);',
      },
      {
        file: relay,
        find: 'if (error !== undefined) return this.backoff(error);',
        replace:
          'const { error } = await this.publishAll(rows);\n    if (error !== undefined) return this.backoff(error);',
      },
    ],
    budgetSeeds: 40,
    origin: 'literature',
  },
  {
    id: 'relay-ends-at-failure',
    title: 'The outbox relay ends at its first failure.',
    patches: [
      { file: relay, find: 'waitMillis = this.backoff(ensureError(thrown));', replace: 'return;' },
      {
        file: relay,
        find: 'if (error !== undefined) return this.backoff(error);',
        replace: 'if (error !== undefined) throw error;',
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'relay-out-of-order',
    title: 'The outbox relay publishes the events of one aggregate last to first.',
    patches: [
      {
        file: relay,
        find: 'const lanes = [...byAggregate(rows)];',
        replace: 'const lanes = [...byAggregate(rows.toReversed())];',
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'mail-id-random',
    title: 'Each mail has a Message-ID of its own, so a second delivery cannot be recognised.',
    patches: [
      {
        file: 'services/notification/src/compose.ts',
        find: 'messageId: `<${id}@sagamesh>`,',
        replace: 'messageId: `<${id}-${(globalThis.mails = (globalThis.mails ?? 0) + 1)}@sagamesh>`,',
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'order-announced-once',
    title: 'An order whose announcement was lost is never announced again.',
    patches: [
      {
        file: 'services/order/src/announcer.ts',
        find: 'if (eventIds.length > 0) await outbox.resend(tx, eventIds);',
        replace: '',
      },
    ],
    budgetSeeds: 40,
    origin: 'law',
  },
  {
    id: 'dead-letter-dropped',
    title: 'An unreadable message is acknowledged without being kept among the dead letters.',
    patches: [
      {
        file: 'services/kit/src/event-consumer.ts',
        find: 'await sendDeadLetter(broker, { service, reason, message: text, subject, body }, headers);',
        replace: '',
      },
    ],
    budgetSeeds: 40,
    origin: 'literature',
  },
  {
    id: 'released-row-kept',
    title: 'Stock goes back to the shelf, but the reservation still says reserved.',
    patches: [
      {
        file: 'services/inventory/src/reservation-store.ts',
        find: 'await tx.query(`update reservations set state',
        replace: "if (state === 'sold') await tx.query(`update reservations set state",
      },
    ],
    budgetSeeds: 10,
    origin: 'law',
  },
  {
    id: 'stock-without-ledger',
    title: 'Stock is released without its entry in the ledger.',
    patches: [
      {
        file: 'services/inventory/src/stock-store.ts',
        find: 'await tx.query(\n    `insert into movements (kind, saga_uid,',
        replace: "if (kind !== 'released') await tx.query(\n    `insert into movements (kind, saga_uid,",
      },
    ],
    budgetSeeds: 10,
    origin: 'law',
  },
  {
    id: 'refund-of-a-part',
    title: 'A refund gives back a part and is taken as the whole.',
    patches: [
      {
        file: 'services/payment/src/stripe-gateway.ts',
        find: 'stripe.refunds.create({ payment_intent: paymentId }',
        replace: 'stripe.refunds.create({ payment_intent: paymentId, amount: 100 }',
      },
      {
        file: charge,
        find: 'return refunds.refundedCents < payment.amountCents',
        replace: 'return refunds.refundedCents === 0',
      },
    ],
    budgetSeeds: 10,
    origin: 'literature',
  },
  {
    id: 'decline-is-capture',
    title: 'A declined card is taken as a captured payment.',
    patches: [
      {
        file: charge,
        find: "// Said no only when the provider can never say yes any more.\n      return { kind: 'cancel' };",
        replace: "return { kind: 'executed' };",
      },
    ],
    budgetSeeds: 10,
    origin: 'literature',
  },
  {
    id: 'unclaimed-order-left',
    title: 'A saga that ends before it began leaves its unclaimed order PENDING.',
    patches: [
      { file: 'services/order/src/order-steps.ts', find: 'undoNothing: cancelUnclaimed,', replace: '' },
    ],
    budgetSeeds: 150,
    origin: 'law',
  },
];
