import { orderSagaFinalizer } from '@sagamesh/contracts/order-saga';
import type { ClientFacts, Facts, OrderRow, OrderState, SagaFact } from './facts.ts';
import { compensated, completed, describeInvariant, told } from './testing/invariant-cases.ts';

const nothing: Facts = { atQuiesce: true, sagas: [], orders: [], outbox: [], deadLetters: [] };
const good = completed();
const [outboxRow] = good.outbox!;
const [saga] = good.sagas!;
const first = 'createOrder';
const second = 'reserveInventory';
const third = 'processPayment';
const pivot = 'confirmOrder';

const outboxOf = (published: boolean, change: Partial<Facts> = {}): Facts => ({
  atQuiesce: true,
  outbox: [{ ...outboxRow!, published }],
  ...change,
});
const twoEvents: Facts = {
  atQuiesce: true,
  outbox: ['first', 'second'].map((eventId) => ({ ...outboxRow!, eventId, aggregateId: 'a' })),
  events: ['first', 'second'].map((eventId, position) => ({
    position,
    event: { eventId, eventType: outboxRow!.eventType, aggregateId: 'a' },
  })),
};
const unreadable = { service: 'order', subject: 'saga.cmd.order.create', body: '{"broken' };
const consumer = { stream: 'SAGA_COMMANDS', name: 'order-create', pending: 0, ackPending: 0 };

describeInvariant('I16', {
  passes: {
    ...good,
    consumers: [consumer],
    unreadable: [unreadable],
    deadLetters: [{ ...unreadable, reason: 'Malformed' }],
  },
  violations: {
    'an event waits in the outbox': [outboxOf(false), /event event-0 .* waits in the outbox/],
    'an event is called published and never was': [
      outboxOf(true, { events: [], deadLetters: [] }),
      /is called published and never was/,
    ],
    'an event overtook one of its aggregate': [
      {
        ...twoEvents,
        events: twoEvents.events!.map((event, index) => ({ ...event, position: 9 - index })),
      },
      /event second of a was published before first, which is older/,
    ],
    'not yet delivered': [
      { atQuiesce: true, consumers: [{ ...consumer, pending: 1 }] },
      /consumer order-create of SAGA_COMMANDS: 1 not delivered, 0 not acknowledged/,
    ],
    'not yet acknowledged': [
      { atQuiesce: true, consumers: [{ ...consumer, ackPending: 2 }] },
      /0 not delivered, 2 not acknowledged/,
    ],
    'an unreadable message without a dead letter': [
      { atQuiesce: true, unreadable: [unreadable], deadLetters: [] },
      /order could not read a message on saga.cmd.order.create and buried it nowhere: \{"broken/,
    ],
    'one dead letter for two equal messages': [
      {
        atQuiesce: true,
        unreadable: [unreadable, unreadable],
        deadLetters: [{ ...unreadable, reason: 'Malformed' }],
      },
      /buried it nowhere/,
    ],
    'a dead letter of somebody else': [
      {
        atQuiesce: true,
        unreadable: [unreadable],
        deadLetters: [{ ...unreadable, service: 'payment', reason: '' }],
      },
      /buried it nowhere/,
    ],
    'a dead letter of another message': [
      { atQuiesce: true, unreadable: [unreadable], deadLetters: [{ ...unreadable, body: 'x', reason: '' }] },
      /buried it nowhere/,
    ],
  },
  nearMisses: {
    'two dead letters of one message, which came twice': {
      atQuiesce: true,
      unreadable: [unreadable],
      deadLetters: [1, 2].map(() => ({ ...unreadable, reason: 'Malformed' })),
    },
    'an event is published once more after a later one': {
      ...twoEvents,
      events: [...twoEvents.events!, { ...twoEvents.events![0]!, position: 9 }],
    },
    'events of two aggregates overtake each other': {
      ...twoEvents,
      outbox: twoEvents.outbox!.map((row, index) => ({ ...row, aggregateId: `a${1 - index}` })).toReversed(),
    },
    'work under way, not at rest': {
      ...outboxOf(true),
      atQuiesce: false,
      outbox: [outboxRow!, { ...outboxRow!, published: false }],
      consumers: [{ ...consumer, pending: 5 }],
    },
    'an event that can never be published is buried': outboxOf(true, {
      events: [],
      deadLetters: [
        {
          service: outboxRow!.service,
          subject: `events.${outboxRow!.eventType}`,
          body: '',
          reason: 'Refused',
        },
      ],
    }),
    'published twice': { ...good, events: [...good.events!, ...good.events!] },
    'nobody sees the bus': ((facts: Facts) => {
      const { events: _, ...rest } = facts;
      return rest;
    })(good),
  },
  tellsNothing: nothing,
});

const pending: OrderRow = {
  id: 'a',
  sagaUid: null,
  state: 'PENDING',
  totalCents: 100,
  currency: 'EUR',
  sourceEventId: 'e',
};
const restOf = (change: Partial<Facts>, sagas: readonly SagaFact[] = [saga!]): Facts => ({
  atQuiesce: true,
  sagas,
  ...change,
});
const openSaga = told((saga) => saga.run(first)).sagas!;
const row = { service: 'payment', sagaUid: saga!.uid, step: third, state: 'pending' as const };
const intent = { id: 'pi_1', sagaUid: saga!.uid, step: third, orderId: 'a', status: 'processing' };
const intents = (change: object) => ({
  provider: { captures: [], refunds: [], intents: [{ ...intent, ...change }] },
});
const strangers: Readonly<Record<string, Partial<Facts>>> = {
  stock: { stockMovements: good.stockMovements! },
  reservation: { reservations: good.reservations! },
  payment: { payments: good.payments! },
  capture: { provider: good.provider! },
  order: { orders: good.orders! },
  'fence row': { fenceRows: good.fenceRows!.slice(0, 1) },
};

describeInvariant('I17', {
  passes: good,
  violations: {
    ...Object.fromEntries(
      Object.entries(strangers).map(([what, facts]) => [
        `${what} of a saga that was never stored`,
        [
          { ...restOf(facts, []), atQuiesce: false },
          new RegExp(`${what}.* belongs to saga .*, which was never stored`),
        ] as const,
      ]),
    ),
    'the finalizer went before the outcome': [
      told((saga) => saga.run(first).status({ finalizers: [] })),
      /the finalizer went \(version at \d+\) before there was an outcome/,
    ],
    'held, and gone without an outcome': [
      restOf({}, [{ ...openSaga[0]!, gone: true }]),
      /held the finalizer and is gone without an outcome/,
    ],
    'an order is PENDING, and its saga has ended': [
      restOf({ orders: [{ ...pending, sagaUid: saga!.uid }] }),
      /order a is PENDING, and saga a .* is not open/,
    ],
    'an unclaimed order is PENDING, and no saga is made for it': [
      restOf({ orders: [pending] }),
      /order a is PENDING, and no open saga is made for it/,
    ],
    'a place is pending, and its saga has ended': [
      restOf({ fenceRows: [row] }),
      /processPayment of saga .* is pending at payment, and nobody goes on with it/,
    ],
    'a payment is in the hands of the provider, and its saga has ended': [
      restOf(intents({})),
      /payment pi_1 is processing at the provider, and saga .* does not wait for it/,
    ],
    'a payment waits to be captured, and nobody waits for it': [
      restOf(intents({ status: 'requires_capture' })),
      /payment pi_1 is requires_capture/,
    ],
  },
  nearMisses: {
    'an order of an open saga': restOf({ orders: [{ ...pending, sagaUid: openSaga[0]!.uid }] }, openSaga),
    'an unclaimed order with an open saga': restOf({ orders: [pending] }, openSaga),
    'not at rest, and not taken in yet': { ...restOf({ orders: [pending] }), atQuiesce: false },
    'an order whose cancelling was given up': told((saga) =>
      saga.run(first).abort().undo(third, second).abandon(first, 'compensate').end('Abandoned'),
    ),
    'the refusal of the intake has an id of its own': restOf({
      fenceRows: [{ service: 'order', sagaUid: 'x', step: 'refuse', state: 'executed' }],
    }),
    'a payment that was only created': restOf(intents({ status: 'requires_confirmation' })),
    'a place whose undo was given up': restOf(
      { fenceRows: [row] },
      told((saga) => saga.run(first, second).abort().abandon(third, 'compensate').end('Abandoned')).sagas,
    ),
    'a pending place of a saga whose finalizer was removed by force': restOf({ fenceRows: [row] }, [
      { ...openSaga[0]!, gone: true, forced: true },
    ]),
    'a payment under way of an open saga': restOf(intents({}), openSaga),
    'a pending place of an open saga': restOf({ fenceRows: [row] }, openSaga),
    'never begun, deleted': restOf({}, [
      { ...saga!, gone: true, versions: told((saga) => saga.run()).sagas![0]!.versions.slice(0, 1) },
    ]),
    'the finalizer was removed by force': restOf({}, [
      { ...openSaga[0]!, gone: true, forced: true },
      { ...saga!, uid: 'b' },
    ]),
  },
  tellsNothing: ((facts: Facts) => {
    const { sagas: _, ...rest } = facts;
    return rest;
  })(good),
});

const two = (story: 'both keep' | 'one keeps' | 'given up') =>
  told(
    (one, stage) => {
      one.complete();
      const other = stage.saga('again', { orderId: 'a' }).run(second, third);
      if (story === 'one keeps') other.undo(third, second).end('Compensated');
      if (story === 'given up') {
        other.abandon(second, 'compensate').abandon(third, 'compensate').end('Abandoned');
      }
    },
    { orders: good.orders! },
  );

const placed = (...placements: { readonly key: string; readonly orderId: string }[]): Facts => ({
  atQuiesce: true,
  clients: { placements },
});

describeInvariant('I18', {
  passes: good,
  violations: {
    'one order id in two rows': [
      { atQuiesce: true, orders: [pending, { ...pending, sourceEventId: 'f' }] },
      /order id a is in two orders: a and a/,
    ],
    'one claim in two rows': [
      {
        atQuiesce: true,
        orders: ['a', 'b'].map((id) => ({ ...pending, id, sagaUid: 'u', sourceEventId: id })),
      },
      /the claim of saga u is in two orders: a and b/,
    ],
    'one source event in two rows': [
      { atQuiesce: true, orders: ['a', 'b'].map((id) => ({ ...pending, id })) },
      /source event e is in two orders: a and b/,
    ],
    'claimed by a saga of another order': [
      restOf({ orders: [{ ...pending, id: 'b', sagaUid: saga!.uid }] }),
      /order b is claimed by saga a .*, which is of order a/,
    ],
    'two sagas Completed': [
      restOf({}, [saga!, { ...saga!, uid: 'u2', name: 'again' }]),
      /order a is Completed twice: saga a .*, saga again/,
    ],
    'two sagas keep stock': [
      { ...two('both keep'), provider: { captures: [], refunds: [] } },
      /2 sagas keep something at inventory/,
    ],
    'two sagas keep money': [
      { ...two('both keep'), stockMovements: [] },
      /2 sagas keep something at payment/,
    ],
    'two orders under one key': [
      placed({ key: 'k', orderId: 'a' }, { key: 'k', orderId: 'b' }),
      /under the key k two orders were accepted: a and b/,
    ],
  },
  nearMisses: {
    'the second saga gave everything back': two('one keeps'),
    'the second undo was given up by hand': two('given up'),
    'the finalizer of one was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: facts.sagas!.map((saga, index) => (index === 1 ? { ...saga, forced: true } : saga)),
    }))(two('both keep')),
    'both hold something for a moment': { ...two('both keep'), atQuiesce: false },
    'asked again under one key': placed({ key: 'k', orderId: 'a' }, { key: 'k', orderId: 'a' }),
    'two orders under two keys': placed({ key: 'k', orderId: 'a' }, { key: 'l', orderId: 'b' }),
    'two unclaimed orders of no event': {
      atQuiesce: true,
      orders: ['a', 'b'].map((id) => ({ ...pending, id, sourceEventId: null })),
    },
  },
  tellsNothing: nothing,
});

const mail = { channel: 'mail', messageId: '<1@sagamesh>', orderId: 'a', kind: 'confirmed' } as const;
const cancelled = compensated();
const refundMail = (messageId: string) => ({ ...mail, kind: 'refunded', messageId }) as const;
const refundOf = (intentId: string) => ({
  id: `re-${intentId}`,
  intentId,
  sagaUid: null,
  step: null,
  orderId: 'a',
  amountCents: 100,
  currency: 'EUR',
});

const reachable: Facts = {
  ...good,
  mailIsCertain: true,
  sagas: good.sagas!.map((each) => ({
    ...each,
    versions: each.versions.map(({ spec, ...version }) => ({
      ...version,
      spec: { ...spec, order: { ...spec.order, contact: { email: 'ada@example.org' } } },
    })),
  })),
};

describeInvariant('I19', {
  passes: { ...good, notifications: [mail] },
  violations: {
    'two ids for one message': [
      { ...good, notifications: [mail, { ...mail, messageId: '<2@sagamesh>' }] },
      /mail confirmed a went out as <1@sagamesh> and as <2@sagamesh>/,
    ],
    'confirmed, and it is not': [
      { ...cancelled, notifications: [mail] },
      /says order a is confirmed, but it is CANCELLED/,
    ],
    'confirmed, and there is no such order': [
      { ...good, orders: [], notifications: [mail] },
      /says order a is confirmed, but it is unknown/,
    ],
    'cancelled, and it is not': [
      { ...good, notifications: [{ ...mail, kind: 'cancelled' }] },
      /says order a is cancelled, but it is CONFIRMED/,
    ],
    'told twice of one refund': [
      {
        ...good,
        provider: { ...good.provider!, refunds: [refundOf('pi_2')] },
        notifications: [refundMail('<2@sagamesh>'), refundMail('<3@sagamesh>')],
      },
      /mail refunded a went out as <2@sagamesh> and as <3@sagamesh>/,
    ],
    'refunded, and it is confirmed': [
      { ...good, notifications: [{ ...mail, kind: 'refunded' }] },
      /says order a is refunded, but it is CONFIRMED/,
    ],
    'confirmed, and nobody was told': [
      { ...reachable, notifications: [] },
      /order a was confirmed \(event-\d\), and no mail said so/,
    ],
    'confirmed, and only an SMS said so': [
      { ...reachable, notifications: [{ ...mail, channel: 'sms' }] },
      /and no mail said so/,
    ],
    'confirmed, and the mail spoke of another order': [
      {
        ...reachable,
        orders: [...reachable.orders!, { ...reachable.orders![0]!, id: 'b', sagaUid: null }],
        notifications: [{ ...mail, orderId: 'b' }],
      },
      /order a was confirmed .*, and no mail said so/,
    ],
  },
  nearMisses: {
    'confirmed, and told so': { ...reachable, notifications: [mail] },
    'confirmed, and the event may have been lost': {
      ...reachable,
      mailIsCertain: false,
      notifications: [{ ...mail, channel: 'sms' }],
    },
    'confirmed, and the mail is under way': {
      ...reachable,
      atQuiesce: false,
      notifications: [{ ...mail, channel: 'sms' }],
    },
    'confirmed, and the customer left no address': {
      ...good,
      mailIsCertain: true,
      notifications: [{ ...mail, channel: 'sms' }],
    },
    'the same mail twice': { ...good, notifications: [mail, mail] },
    'a mail and an SMS': { ...good, notifications: [mail, { ...mail, channel: 'sms', messageId: '1' }] },
    'cancelled and refunded': {
      ...cancelled,
      notifications: [
        { ...mail, kind: 'cancelled' },
        { ...mail, kind: 'refunded', messageId: '<2@sagamesh>' },
      ],
    },
    'refunded, since the abort was given up by hand': {
      ...told((saga) => saga.run(first, second, third, pivot).abandon(pivot, 'revoke').undo(third)),
      notifications: [{ ...mail, kind: 'refunded' }],
    },
    'two sagas of one order id were refunded, beside the one that confirmed it': {
      ...good,
      provider: { ...good.provider!, refunds: [refundOf('pi_2'), refundOf('pi_3')] },
      notifications: [refundMail('<2@sagamesh>'), refundMail('<3@sagamesh>')],
    },
    'nobody sees the orders': { atQuiesce: true, notifications: [mail] },
  },
  tellsNothing: { ...nothing, notifications: [] },
});

const acceptedOrder = (facts: Facts): Facts => ({
  ...facts,
  clients: { accepted: [{ kind: 'order', orderId: 'a' }] },
});
const acceptedSaga = (facts: Facts): Facts => ({
  ...facts,
  clients: { accepted: [{ kind: 'saga', uid: saga!.uid, name: 'a' }] },
});
const open = told((saga) => saga.run(first));
const waiting = {
  ...open,
  sagas: open.sagas!.map((saga) => ({ ...saga, mayStayOpen: 'a person is asked' })),
};

describeInvariant('I20', {
  passes: acceptedOrder(good),
  violations: {
    'an accepted order is lost': [acceptedOrder({ ...good, orders: [] }), /order a was accepted and is lost/],
    'an accepted saga is lost': [acceptedSaga({ ...good, sagas: [] }), /saga a .* was accepted and is lost/],
    'an accepted order does not end': [
      acceptedOrder({ ...good, sagas: [], orders: [pending] }),
      /order a was accepted and is still PENDING/,
    ],
    'an accepted saga does not end': [acceptedSaga(open), /saga a .* was accepted and has not ended/],
    'the saga of an accepted order is lost': [
      acceptedOrder({ ...good, sagas: [] }),
      /order a: its saga .* is lost/,
    ],
    'the saga of an accepted order does not end': [
      acceptedOrder({ ...good, sagas: open.sagas! }),
      /saga a .* was accepted and has not ended/,
    ],
  },
  nearMisses: {
    'cancelled is an end, too': acceptedOrder(cancelled),
    'not at rest': acceptedOrder({ ...open, atQuiesce: false }),
    'the saga waits for a person': acceptedOrder(waiting),
    'the cancelling was given up by hand': acceptedOrder(
      told((saga) =>
        saga.run(first).abort().undo(third, second).abandon(first, 'compensate').end('Abandoned'),
      ),
    ),
    'the finalizer was removed by force': acceptedOrder({
      ...open,
      sagas: open.sagas!.map((saga) => ({ ...saga, forced: true })),
    }),
    'a saga that is gone has ended': acceptedSaga({ ...good, sagas: [{ ...open.sagas![0]!, gone: true }] }),
    'nobody sees the sagas': acceptedOrder({ atQuiesce: true, orders: good.orders! }),
  },
  tellsNothing: { ...nothing, clients: { accepted: [] } },
});

const reads = (
  ...states: (readonly [state: OrderState, position: number, client?: string])[]
): ClientFacts => ({
  orderReads: states.map(([state, position, client = 'ada']) => ({ client, orderId: 'a', state, position })),
});
const confirmedAt = good.orderChanges!.find(({ state }) => state === 'CONFIRMED')!.position;

describeInvariant('I21', {
  passes: {
    ...good,
    clients: reads(['PENDING', 1], ['CONFIRMED', confirmedAt]),
    stockProbes: [{ sku: 'A', available: 0 }],
  },
  violations: {
    'fewer than zero pieces': [
      { atQuiesce: true, stockProbes: [{ sku: 'A', available: -1 }] },
      /A was read with -1 available/,
    ],
    'confirmed too early': [
      { ...good, clients: reads(['CONFIRMED', confirmedAt - 1]) },
      /ada read order a as CONFIRMED at \d+, before it was \(\d+\)/,
    ],
    'confirmed, and it never was': [
      { atQuiesce: true, oneOrder: true, orderChanges: [], clients: reads(['CONFIRMED', 5]) },
      /before it was \(never\)/,
    ],
    'confirmed, and the row says otherwise': [
      { atQuiesce: true, orders: cancelled.orders!, clients: reads(['CONFIRMED', 5]) },
      /ada read order a as CONFIRMED, and it is CANCELLED/,
    ],
  },
  nearMisses: {
    'read in the moment of the commit': { ...good, clients: reads(['CONFIRMED', confirmedAt]) },
    'pending after it was confirmed is not too early': {
      ...good,
      clients: reads(['PENDING', confirmedAt + 1]),
    },
    'changes on another clock': { ...good, oneOrder: false, clients: reads(['CONFIRMED', confirmedAt - 1]) },
    'only the rows are known': { atQuiesce: true, orders: good.orders!, clients: reads(['CONFIRMED', 1]) },
  },
  tellsNothing: { ...nothing, clients: { orderReads: [] }, stockProbes: [] },
});

const objects = { kind: 'consumer', compare: 'names', baseline: ['a', 'b'], now: ['b', 'a'] } as const;

describeInvariant('I22', {
  passes: { atQuiesce: true, leftovers: [objects] },
  violations: {
    'something is left behind': [
      { atQuiesce: true, leftovers: [{ ...objects, now: ['a', 'b', 'c'] }] },
      /consumer: left behind: c/,
    ],
    'something is missing': [
      { atQuiesce: true, leftovers: [{ ...objects, now: ['a'] }] },
      /consumer: missing: b/,
    ],
    'more than before': [
      { atQuiesce: true, leftovers: [{ ...objects, compare: 'count', now: ['x', 'y', 'z'] }] },
      /consumer: 3 there, 2 before: x, y, z/,
    ],
    'an ended saga holds the finalizer': [
      told((saga) => saga.run().status({ outcome: 'Completed' })),
      /has ended as Completed and still holds the finalizer/,
    ],
  },
  nearMisses: {
    'other names, not more of them': {
      atQuiesce: true,
      leftovers: [{ ...objects, compare: 'count', now: ['x'] }],
    },
    'the finalizer of somebody else': told((saga) =>
      saga.run().status({ outcome: 'Completed', finalizers: ['example.org/audit'] }),
    ),
    'an open saga holds the finalizer': told((saga, stage) => {
      saga.run(first).status({ finalizers: [orderSagaFinalizer] });
      stage.saga('b').complete();
    }),
  },
  tellsNothing: { atQuiesce: false, leftovers: [{ ...objects, now: [] }] },
});

const sagaReads = (...outcomes: ('Completed' | 'Compensated' | null)[]): ClientFacts => ({
  sagaReads: outcomes.map((outcome, position) => ({ client: 'ada', uid: saga!.uid, outcome, position })),
});

describeInvariant('I23', {
  passes: {
    ...good,
    clients: { ...reads(['PENDING', 1], ['CONFIRMED', 500]), ...sagaReads(null, 'Completed') },
  },
  violations: {
    'read as final, and later otherwise': [
      { ...good, clients: reads(['CONFIRMED', 500], ['PENDING', 501]) },
      /ada read order a as CONFIRMED and later \(at 501\) as PENDING/,
    ],
    'read as final, and the row says otherwise': [
      { ...good, clients: reads(['CANCELLED', 500]) },
      /ada read order a as CANCELLED, and it is CONFIRMED/,
    ],
    'an outcome that is not the stored one': [
      { ...good, clients: sagaReads('Compensated') },
      /ada read saga .* as Compensated, and it is Completed/,
    ],
    'two outcomes of one saga': [
      { atQuiesce: true, clients: sagaReads('Completed', 'Compensated') },
      /as Compensated, and it is Completed/,
    ],
    'the order is CONFIRMED, its saga is not Completed': [
      { ...good, sagas: cancelled.sagas!, clients: reads(['CONFIRMED', 500]) },
      /order a is CONFIRMED, but saga a .* is Compensated/,
    ],
    'the order is CANCELLED, its saga is Completed': [
      { ...cancelled, sagas: good.sagas!, clients: reads(['CANCELLED', 500]) },
      /order a is CANCELLED, but saga a .* is Completed/,
    ],
  },
  nearMisses: {
    'two clients, each at his own moment': {
      ...good,
      clients: reads(['CONFIRMED', 500, 'ada'], ['PENDING', 1, 'eve'], ['CONFIRMED', 501, 'eve']),
    },
    'an older moment of the API server': { ...good, clients: sagaReads('Completed', null, 'Completed') },
    'confirmed, and the saga still settles': {
      ...told((saga) => saga.run(first, second, third, pivot)),
      clients: reads(['CONFIRMED', 500]),
    },
    'confirmed, and not at rest': {
      ...good,
      atQuiesce: false,
      sagas: cancelled.sagas!,
      clients: reads(['CONFIRMED', 500]),
    },
    'the finalizer was removed by force': {
      ...good,
      sagas: [{ ...open.sagas![0]!, gone: true, forced: true }],
      clients: reads(['CONFIRMED', 500]),
    },
    'given up by hand': {
      ...told((saga) =>
        saga.run(first, second, third, pivot).abandon('settleInventory', 'execute').end('Abandoned'),
      ),
      clients: reads(['CONFIRMED', 500]),
    },
  },
  tellsNothing: { ...nothing, clients: reads(['PENDING', 1]) },
});
