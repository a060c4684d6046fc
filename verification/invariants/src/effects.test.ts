import { describe, expect, it } from 'vitest';
import { checkStock } from './stock-conservation.ts';
import type { Facts, StockMovement } from './facts.ts';
import { compensated, completed, describeInvariant, told } from './testing/invariant-cases.ts';

const nothing: Facts = { atQuiesce: true, sagas: [], stockMovements: [], orders: [] };
const good = completed();
const undone = compensated();
const uid = 'saga-1';
const row = { sku: 'A', available: 10, reserved: 0, sold: 0 };
const move = (kind: StockMovement['kind'], quantity: number, sku = 'A'): StockMovement => ({
  kind,
  sku,
  quantity,
  sagaUid: kind === 'initial' || kind === 'restocked' ? null : uid,
  orderId: kind === 'initial' || kind === 'restocked' ? null : 'a',
});
const stockOf = (change: Partial<typeof row>, ...movements: StockMovement[]): Facts => ({
  atQuiesce: true,
  stock: [{ ...row, ...change }],
  stockMovements: [move('initial', 10), ...movements],
});

describeInvariant('I1', {
  passes: good,
  violations: {
    'the row moved pieces that the ledger did not': [
      stockOf({ available: 8, reserved: 2 }),
      /A: the row says 8 available, 2 reserved, 0 sold; its movements say 10, 0, 0/,
    ],
    'movements without a row': [stockOf({}, move('initial', 3, 'B')), /B: has movements and no stock row/],
  },
  nearMisses: {
    'pieces under way': stockOf({ available: 8, reserved: 2 }, move('reserved', 2)),
    'everything sold': stockOf({ available: 0, sold: 10 }, move('reserved', 10), move('sold', 10)),
  },
  tellsNothing: { ...nothing, stock: [] },
});

describe('I1, what is wrong twice', () => {
  it.each([
    ['a piece vanished', stockOf({ available: 9 }), /A: 10 came in, 9 are accounted for/],
    ['below zero', stockOf({ available: -1, sold: 11 }), /A: below zero/],
  ])('%s', (_name, facts, says) => {
    expect(checkStock(facts).violations).toContainEqual(expect.stringMatching(says));
  });
});

const reservation = (state: 'reserved' | 'released' | 'sold') => [
  { sagaUid: uid, id: 'res-1', orderId: 'a', state },
];
const held = stockOf({ available: 8, reserved: 2 }, move('reserved', 2));
const holdingSaga = (story: 'open' | 'ended' | 'abandoned' | 'forced') =>
  told(
    (saga) => {
      saga.run('createOrder', 'reserveInventory');
      if (story === 'open' || story === 'forced') return;
      saga.abort().undo('processPayment').send('reserveInventory', 'compensate');
      if (story === 'abandoned') saga.abandon('reserveInventory', 'compensate');
      saga.undo('createOrder').end(story === 'abandoned' ? 'Abandoned' : 'Compensated');
    },
    { reservations: [] },
  );

describeInvariant('I2', {
  passes: good,
  violations: {
    'the row reserves what nobody holds': [
      { ...held, stock: [{ ...row, reserved: 3 }] },
      /A: 3 reserved in stock, but sagas hold 2/,
    ],
    'a reservation that was released says reserved': [
      { ...stockOf({}, move('reserved', 2), move('released', 2)), reservations: reservation('reserved') },
      /says reserved, its movements say released/,
    ],
    'a reservation of which only a part was sold': [
      {
        ...stockOf({ reserved: 1 }, move('reserved', 2), move('sold', 1)),
        reservations: reservation('sold'),
      },
      /says sold, its movements say a part of it/,
    ],
    'a saga has ended and still holds pieces': [
      holdingSaga('ended'),
      /2 pieces are held by saga a .*has ended/,
    ],
    'nobody knows the saga that holds pieces': [
      { ...held, sagas: [] },
      /2 pieces are held by saga saga-1, unknown/,
    ],
  },
  nearMisses: {
    'the saga is open': holdingSaga('open'),
    'the release was given up by hand': holdingSaga('abandoned'),
    'not at rest, and the end was just written': { ...holdingSaga('ended'), atQuiesce: false },
    'the finalizer was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: facts.sagas?.map((saga) => ({ ...saga, gone: true, forced: true })) ?? [],
    }))(holdingSaga('forced')),
  },
  tellsNothing: nothing,
});

const money = (change: (provider: NonNullable<Facts['provider']>) => object, facts = good): Facts => ({
  ...facts,
  provider: { ...facts.provider!, ...change(facts.provider!) },
});
const moneyAlone = ({ provider, orders, sagas, atQuiesce }: Facts): Facts => ({
  atQuiesce,
  ...(provider ? { provider } : {}),
  ...(orders ? { orders } : {}),
  ...(sagas ? { sagas } : {}),
});

describeInvariant('I3', {
  passes: good,
  violations: {
    'captured twice': [
      moneyAlone(money(({ captures }) => ({ captures: [...captures, ...captures] }))),
      /a \(CONFIRMED\): captured 200, refunded 0, due 100/,
    ],
    'a cancelled order keeps its money': [
      moneyAlone(money(() => ({ refunds: [] }), undone)),
      /a \(CANCELLED\): captured 100, refunded 0, due 0/,
    ],
    'money of no order': [
      moneyAlone({ ...good, orders: [] }),
      /a \(no such order\): captured 100, refunded 0, due 0/,
    ],
    'another currency': [
      moneyAlone(
        money(({ captures }) => ({ captures: captures.map((move) => ({ ...move, currency: 'usd' })) })),
      ),
      /a: ordered in EUR, moved in usd/,
    ],
    'the wrong saga paid': [
      moneyAlone(
        money(({ captures }) => ({ captures: captures.map((move) => ({ ...move, sagaUid: 'other' })) })),
      ),
      /a: saga other keeps 100 cents, but saga .* has the order/,
    ],
    'the service believes something else than the provider': [
      { ...good, paymentLedger: [] },
      /the payment service believes to keep 0 cents, the provider keeps 100/,
    ],
    'too much is kept while sagas run': [
      moneyAlone({
        ...money(({ captures }) => ({ captures: [...captures, ...captures] })),
        atQuiesce: false,
      }),
      /a: 200 cents are kept for 100/,
    ],
    'more was refunded than captured, while sagas run': [
      moneyAlone({ ...money(() => ({ captures: [] }), undone), atQuiesce: false }),
      /a: refunded 100 of 0 captured cents/,
    ],
  },
  nearMisses: {
    'captured, not yet confirmed': {
      ...told((saga) => saga.run('createOrder', 'reserveInventory', 'processPayment')),
      atQuiesce: false,
    },
    'captured and refunded': undone,
    'the refund was given up by hand': told((saga) =>
      saga
        .run('createOrder', 'reserveInventory', 'processPayment')
        .abort()
        .send('processPayment', 'compensate')
        .abandon('processPayment', 'compensate')
        .undo('reserveInventory', 'createOrder')
        .end('Abandoned'),
    ),
    'the finalizer was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: facts.sagas!.map((saga) => ({ ...saga, gone: true, forced: true })),
    }))(told((saga) => saga.run('createOrder', 'reserveInventory', 'processPayment'))),
    'a refund that was given up was made all the same, and nobody recorded it': told(
      (saga) =>
        saga
          .run('createOrder', 'reserveInventory', 'processPayment')
          .abort()
          .undo()
          .abandon('processPayment', 'compensate')
          .end('Abandoned'),
      { paymentLedger: good.paymentLedger! },
    ),
  },
  tellsNothing: { ...nothing, provider: { captures: [], refunds: [] } },
});

describeInvariant('I4', {
  passes: undone,
  violations: {
    'reserved twice': [
      { atQuiesce: true, stockMovements: [move('reserved', 1), move('reserved', 1)] },
      /reserved A/,
    ],
    'initial stock twice': [
      { atQuiesce: true, stockMovements: [move('initial', 1), move('initial', 1)] },
      /A: initial stock, more than once/,
    ],
    'two captures for one step': [
      {
        atQuiesce: true,
        provider: { captures: [...good.provider!.captures, ...good.provider!.captures], refunds: [] },
      },
      /processPayment captured at the provider, more than once/,
    ],
    'two refunds for one step': [
      {
        atQuiesce: true,
        provider: { captures: [], refunds: [...undone.provider!.refunds, ...undone.provider!.refunds] },
      },
      /processPayment refunded at the provider, more than once/,
    ],
    'two entries in the payment ledger': [
      { atQuiesce: true, paymentLedger: [...good.paymentLedger!, ...good.paymentLedger!] },
      /processPayment captured in the payment ledger, more than once/,
    ],
    'two effects at another service': [
      {
        atQuiesce: true,
        otherEffects: [1, 2].map(() => ({
          service: 's',
          sagaUid: uid,
          step: 'x',
          kind: 'executed' as const,
        })),
      },
      /saga-1: x executed at s, more than once/,
    ],
    'an order confirmed and cancelled, by its events': [
      {
        atQuiesce: true,
        outbox: ['order.confirmed', 'order.cancelled'].map((eventType) => ({
          ...good.outbox![0]!,
          eventId: eventType,
          eventType,
        })),
      },
      /a: the end of the order, by event, more than once/,
    ],
    'an order announced under two event ids': [
      {
        atQuiesce: true,
        outbox: ['1', '2'].map((eventId) => ({ ...good.outbox![0]!, eventId, eventType: 'order.created' })),
      },
      /announced as created by one event, more than once/,
    ],
    'pieces sold twice, by events': [
      {
        atQuiesce: true,
        outbox: ['1', '2'].map((eventId) => ({ ...good.outbox![0]!, eventId, eventType: 'inventory.sold' })),
      },
      /inventory.sold for saga .*, more than once/,
    ],
    'one event in two rows': [
      {
        atQuiesce: true,
        outbox: ['user.registered', 'user.registered'].map((eventType) => ({
          ...good.outbox![0]!,
          eventType,
        })),
      },
      /the same event in two rows/,
    ],
    'an event handled twice': [
      { atQuiesce: true, inbox: [1, 2].map(() => ({ service: 's', eventId: 'e', handler: 'h' })) },
      /e: handled by h of s, more than once/,
    ],
    'a row that ends twice': [
      {
        atQuiesce: true,
        orderChanges: (['PENDING', 'CANCELLED', 'CONFIRMED', 'CANCELLED'] as const).map(
          (state, position) => ({
            orderId: 'a',
            sagaUid: uid,
            state,
            position,
          }),
        ),
      },
      /a: the order became CANCELLED, more than once/,
    ],
    'a row that is PENDING again': [
      {
        atQuiesce: true,
        orderChanges: (['PENDING', 'CANCELLED', 'PENDING'] as const).map((state, position) => ({
          orderId: 'a',
          sagaUid: uid,
          state,
          position,
        })),
      },
      /a: the order became PENDING, more than once/,
    ],
  },
  nearMisses: {
    'two SKUs of one reservation': {
      atQuiesce: true,
      stockMovements: [move('reserved', 1), move('reserved', 1, 'B')],
    },
    'restocked twice': {
      atQuiesce: true,
      stockMovements: [move('initial', 1), move('restocked', 1), move('restocked', 1)],
    },
    'commands and replies again and again': told((saga) => {
      saga.run('createOrder');
      return saga.send('createOrder', 'execute').reply('createOrder', 'execute', 'Executed');
    }),
    'two charging steps of one saga': {
      atQuiesce: true,
      provider: {
        captures: ['one', 'two'].map((step) => ({ ...good.provider!.captures[0]!, step })),
        refunds: [],
      },
    },
    'two handlers of one event': {
      atQuiesce: true,
      inbox: ['one', 'two'].map((handler) => ({ service: 's', eventId: 'e', handler })),
    },
    'a claim of an order that is PENDING already': {
      atQuiesce: true,
      orderChanges: [null, uid].map((sagaUid, position) => ({
        orderId: 'a',
        sagaUid,
        state: 'PENDING' as const,
        position,
      })),
    },
  },
  tellsNothing: nothing,
});

const steps = ['createOrder', 'reserveInventory', 'processPayment'];

describeInvariant('I5', {
  passes: undone,
  violations: {
    'released before it was reserved': [
      { atQuiesce: true, stockMovements: [move('released', 2), move('reserved', 2)] },
      /saga-1: 2 A released, but it held 0 then/,
    ],
    'released after it was sold': [
      { atQuiesce: true, stockMovements: [move('reserved', 2), move('sold', 2), move('released', 2)] },
      /2 A released, but it held 0 then/,
    ],
    'more refunded than captured at the provider': [
      moneyAlone(money(() => ({ captures: [] }), undone)),
      /payment pi_1: 100 cents refunded at the provider, but 0 were left/,
    ],
    'more refunded than captured in the payment ledger': [
      { atQuiesce: true, paymentLedger: undone.paymentLedger!.filter(({ kind }) => kind === 'refunded') },
      /payment pi_1: 100 cents refunded in the payment ledger, but 0 were left/,
    ],
    'undone before it was done, elsewhere': [
      { atQuiesce: true, otherEffects: [{ service: 's', sagaUid: uid, step: 'x', kind: 'compensated' }] },
      /saga-1: x of s undone before it was done/,
    ],
    'a buried place has an effect': [
      told((saga) =>
        saga
          .run('createOrder')
          .effect('reserveInventory')
          .abort()
          .undo(...steps.toReversed()),
      ),
      /reserveInventory is tombstone, but the books say done 1, undone 0/,
    ],
    'a place that said no has an effect': [
      told((saga) => saga.run('createOrder').effect('reserveInventory').refuse('reserveInventory')),
      /reserveInventory is rejected, but the books say done 1/,
    ],
  },
  nearMisses: {
    'an unclaimed order that is cancelled on an empty place': told((saga, stage) => {
      saga.abort().undo();
      stage.orders.set('a', {
        id: 'a',
        sagaUid: null,
        state: 'CANCELLED',
        totalCents: 100,
        currency: 'EUR',
        sourceEventId: 'e',
      });
    }),
    'a payment that was captured and refunded before it was recorded as executed': told((saga) =>
      saga
        .run('createOrder', 'reserveInventory')
        .fence('processPayment', 'pending')
        .effect('processPayment')
        .undoEffect('processPayment')
        .fence('processPayment', 'compensated'),
    ),
  },
  tellsNothing: nothing,
});
