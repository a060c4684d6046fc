import {
  changeFirst,
  honestFacts,
  withCode,
  withManifests,
  withRunning,
  withSaga,
  withWorkload,
} from '../honest-facts.ts';
import type { Violation } from './violation.ts';

/** Seeded violations of points 2, 3, 7 and 13: what happens over the broker. */

const { running, code } = honestFacts;

export const messageViolations: readonly Violation[] = [
  {
    what: 'an event never reaches a reader that was down',
    facts: withRunning({ lateEvents: changeFirst(running.lateEvents, { seenAfter: 0 }) }),
    red: [2],
    says: 'order.confirmed reached notification 0 times',
  },
  {
    what: 'a service waits for an event that nobody writes',
    facts: withCode('notification', { eventsRead: ['order.vanished'] }),
    red: [2],
    says: 'no other service writes order.vanished',
  },
  {
    what: 'a step before the pivot has no compensation',
    facts: { ...honestFacts, code: { ...code, plan: changeFirst(code.plan, { compensate: null }) } },
    red: [3],
    says: 'createOrder cannot be undone',
  },
  {
    what: 'a compensated saga keeps the money',
    facts: withRunning({
      sagas: running.sagas.map((one) => ({ ...one, refundedCents: 0 })),
    }),
    red: [3],
    says: 'late is Compensated: captured 100, refunded 0',
  },
  {
    what: 'a repeated command is answered otherwise',
    facts: withRunning({ handlers: changeFirst(running.handlers, { answeredOtherwise: 1 }) }),
    red: [7],
    says: 'order-create answered 1 repeats otherwise',
  },
  {
    what: 'a repeated command has a second effect',
    facts: withRunning({
      handlers: changeFirst(running.handlers, { effects: ['order: table orders (5 rows, then 6)'] }),
    }),
    red: [7, 13],
    says: 'order-create is not idempotent: order: table orders (5 rows, then 6)',
  },
  {
    what: 'a handler was never tried',
    facts: withRunning({ handlersKnown: [...running.handlersKnown, 'order-refuse'] }),
    red: [13],
    says: 'order-refuse was not tried',
  },
  {
    what: 'a writing route keeps no key',
    facts: withCode('order', { writingRoutes: [{ route: 'POST /api/v1/orders', keyed: false }] }),
    red: [13],
    says: 'order: POST /api/v1/orders keeps no idempotency key',
  },
  {
    what: 'a service does not know the broker',
    facts: withWorkload('notification', { variables: [] }),
    red: [2],
    says: 'kind: notification has no NATS_URL',
  },
  {
    what: 'the broker refuses a service',
    facts: withManifests(({ callers }) => ({
      callers: callers.map((one) => (one.callee === 'nats' ? { ...one, from: ['order'] } : one)),
    })),
    red: [2],
    says: 'AuthorizationPolicy of nats does not admit inventory',
  },
  {
    what: 'nothing says who may call the broker',
    facts: withManifests(({ callers }) => ({ callers: callers.filter(({ callee }) => callee !== 'nats') })),
    red: [2],
    says: 'kind: nothing says who may call nats',
  },
  {
    what: 'the operator is alone',
    facts: withWorkload('sagamesh-operator', { replicas: 1 }),
    red: [3],
    says: 'kind: the operator has 1 replica',
  },
  {
    what: 'the plan has no pivot',
    facts: { ...honestFacts, code: { ...code, plan: code.plan.map((step) => ({ ...step, pivot: false })) } },
    red: [3],
    says: 'the plan has no pivot',
  },
  {
    what: 'nobody serves a step',
    facts: withCode('inventory', { actions: ['reserve'] }),
    red: [3],
    says: 'inventory does not serve release',
  },
  {
    what: 'a completed saga has an open step',
    facts: withSaga('good', { stepStates: ['Done', 'Done', 'Running'] }),
    red: [3],
    says: 'good is Completed with steps Done, Done, Running',
  },
  {
    what: 'a completed saga is not paid',
    facts: withSaga('good', { capturedCents: 0 }),
    red: [3],
    says: 'good is Completed, its order CONFIRMED, captured 0, refunded 0',
  },
  {
    what: 'a compensated saga left a step done',
    facts: withSaga('late', { stepStates: ['Compensated', 'Done', 'Revoked'] }),
    red: [3],
    says: 'late is Compensated with a step still done',
  },
  {
    what: 'a compensated saga had nothing to undo, which shows nothing',
    facts: withSaga('late', { stepStates: ['Rejected', 'Skipped', 'Revoked'] }),
    red: [3],
    says: 'late undid nothing',
  },
  {
    what: 'the order of a compensated saga is still open',
    facts: withSaga('late', { orderState: 'PENDING' }),
    red: [3],
    says: 'late is Compensated and its order PENDING',
  },
  {
    what: 'a compensated saga keeps its reservation',
    facts: withSaga('late', { reservedPieces: 2 }),
    red: [3],
    says: 'late still has 2 pieces reserved',
  },
  {
    what: 'a handler was given nothing again',
    facts: withRunning({ handlers: changeFirst(running.handlers, { repeats: 0 }) }),
    red: [7, 13],
    says: 'order-create was given nothing again',
  },
];
