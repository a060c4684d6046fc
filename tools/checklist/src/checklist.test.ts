import { describe, expect, it } from 'vitest';
import { judgeAll, lineOf, points, scoreOf } from './checklist.ts';
import type { Facts } from './facts.ts';
import {
  changeFirst,
  handler,
  honestFacts,
  withCode,
  withManifests,
  withRunning,
  withWorkload,
} from './testing/honest-facts.ts';
import { verdictOf } from './verdict.ts';

const failing = (facts: Facts) =>
  judgeAll(facts)
    .filter(({ ok }) => !ok)
    .map(({ number }) => number);

const evidenceOf = (facts: Facts, number: number) =>
  judgeAll(facts).find((one) => one.number === number)?.evidence ?? '';

const { running, code } = honestFacts;
const place = { at: 'services/order/src/x.ts:7', what: 'PREPARE TRANSACTION' };

interface Violation {
  readonly what: string;
  readonly facts: Facts;
  /** The points that must turn red: the one that it is about, and where they cannot be told apart, its sibling. */
  readonly red: readonly number[];
  readonly says: string;
}

const violations: readonly Violation[] = [
  {
    what: 'two services are given the same store',
    facts: withWorkload('inventory', {
      variables: [
        { name: 'NATS_URL', value: 'nats://nats:4222', secret: null },
        { name: 'DATABASE_URL', value: null, secret: 'order-db/url' },
      ],
    }),
    red: [1, 9],
    says: 'kind: order-db/url is the store of more than one service',
  },
  {
    what: 'two processes are connected to one database',
    facts: withRunning({ stores: running.stores.map((one) => ({ ...one, url: 'postgresql://one/shop' })) }),
    red: [1],
    says: 'more than one service is connected to postgresql://one/shop',
  },
  {
    what: 'a table is created by two services',
    facts: withCode('inventory', { tables: ['order_table'] }),
    red: [1],
    says: 'more than one service creates the table order_table',
  },
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
    what: 'a host has no circuit breaker, and nobody calls it',
    facts: withManifests(({ breakers }) => ({
      breakers: breakers.filter(({ host }) => !host.startsWith('inventory.')),
    })),
    red: [4],
    says: 'kind: inventory has no circuit breaker',
  },
  {
    what: 'a provider that hangs is waited for without end',
    facts: withRunning({
      hungProvider: { cutOff: 0, healthyMeanwhile: ['order'], outcomeAfter: 'Completed' },
    }),
    red: [4],
    says: 'no call to the hung provider was cut off',
  },
  {
    what: 'a route for tokens is open to anybody',
    facts: withManifests(({ tokenRules }) => ({
      tokenRules: changeFirst(tokenRules, { needsToken: false }),
    })),
    red: [5],
    says: 'kind: orders-write is open without a token',
  },
  {
    what: 'a rate limit is ten times too wide',
    facts: withManifests(({ limits }) => ({ limits: changeFirst(limits, { requests: 1_000 }) })),
    red: [5],
    says: 'kind: orders is limited to 1000, not 100 a minute',
  },
  {
    what: 'a service answers a stranger',
    facts: withRunning({ refusals: changeFirst(running.refusals, { status: 200 }) }),
    red: [5],
    says: 'order answered 200',
  },
  {
    what: 'the gateway process lets every burst pass',
    facts: withRunning({
      gateway: {
        answered: [{ request: 'GET', mayPass: true, status: 200 }],
        bursts: [{ limit: 'orders', sent: 150, refused: 0, toldWhen: 0 }],
      },
    }),
    red: [5],
    says: 'none of 150 orders requests at once was refused',
  },
  {
    what: 'health says healthy without the broker',
    facts: withRunning({
      lostDependencies: changeFirst(running.lostDependencies, { during: 'healthy', named: [] }),
    }),
    red: [6],
    says: 'order without its broker is healthy, naming nothing',
  },
  {
    what: 'a service has no readiness probe',
    facts: withWorkload('user', { probes: ['startup', 'liveness'] }),
    red: [6],
    says: 'kind: user has no readiness probe',
  },
  {
    what: 'a repeated command is answered otherwise',
    facts: withRunning({ handlers: changeFirst(running.handlers, { answeredOtherwise: 1 }) }),
    red: [7],
    says: 'order-create answered 1 repeats otherwise',
  },
  {
    what: 'a service takes others down with it',
    facts: withRunning({ outages: changeFirst(running.outages, { othersTroubled: ['user'] }) }),
    red: [8],
    says: 'user is not healthy without order',
  },
  {
    what: 'a second process of a service does nothing',
    facts: withRunning({ pairs: changeFirst(running.pairs, { handled: [7, 0] }) }),
    red: [8],
    says: 'of two order one did nothing',
  },
  {
    what: 'two services share an image',
    facts: withWorkload('user', { image: 'sagamesh/order:1' }),
    red: [8],
    says: 'two services share the image sagamesh/order:1',
  },
  {
    what: "a service is admitted to another's database",
    facts: withManifests(({ callers }) => ({
      callers: callers.map((one) => (one.callee === 'order-db' ? { ...one, from: ['order', 'user'] } : one)),
    })),
    red: [9],
    says: 'AuthorizationPolicy of order-db admits order, user',
  },
  {
    what: "a statement names another service's table",
    facts: withCode('order', {
      foreignTables: [{ ...place, what: 'names the table stock of another service' }],
    }),
    red: [9],
    says: 'services/order/src/x.ts:7: names the table stock',
  },
  {
    what: 'somebody is connected to a store whose service is stopped',
    facts: withRunning({ stores: changeFirst(running.stores, { connectionsWhileStopped: 2 }) }),
    red: [9],
    says: '2 connections to the store of order are not its own',
  },
  {
    what: 'a service may call another',
    facts: withManifests(({ callers }) => ({
      callers: callers.map((one) => (one.callee === 'inventory' ? { ...one, from: ['order'] } : one)),
    })),
    red: [10],
    says: 'AuthorizationPolicy lets order call inventory',
  },
  {
    what: "a service is given another's address",
    facts: withWorkload('order', {
      variables: [
        { name: 'NATS_URL', value: 'nats://nats:4222', secret: null },
        { name: 'DATABASE_URL', value: null, secret: 'order-db/url' },
        { name: 'STOCK_URL', value: 'http://inventory.shop:3000/api', secret: null },
      ],
    }),
    red: [10],
    says: 'order is given the address of inventory in STOCK_URL',
  },
  {
    what: 'a service knows an address in its code',
    facts: withCode('order', { foreignAddresses: [{ ...place, what: '//inventory:' }] }),
    red: [10],
    says: 'order knows the address //inventory:',
  },
  {
    what: 'a service imports another',
    facts: withCode('order', {
      foreignImports: [{ ...place, what: '@sagamesh/service-inventory/stock-store' }],
    }),
    red: [11],
    says: 'imports @sagamesh/service-inventory/stock-store',
  },
  {
    what: 'a service does not start without the others',
    facts: withRunning({ alone: changeFirst(running.alone, { ready: false }) }),
    red: [11],
    says: 'order does not start alone',
  },
  {
    what: 'a call is permitted to a host whose breaker never opens',
    facts: withManifests(({ breakers }) => ({
      breakers: changeFirst(breakers, { ejectedPercentMax: null }),
    })),
    red: [12],
    says: 'order is ejected by 10 % at most',
  },
  {
    what: 'the mesh sends a POST again',
    facts: withManifests(({ routes }) => ({ routes: changeFirst(routes, { attempts: null }) })),
    red: [12],
    says: 'orders-write is sent a default number of times again',
  },
  {
    what: 'a client waits without a limit',
    facts: withCode('order', { clients: [{ ...place, what: 'fetch', hasTimeLimit: false }] }),
    red: [12],
    says: 'services/order/src/x.ts:7: fetch without a time limit',
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
    what: 'a statement prepares a transaction',
    facts: withCode('order', { twoPhase: [place] }),
    red: [14],
    says: 'services/order/src/x.ts:7: PREPARE TRANSACTION',
  },
  {
    what: 'a server allows prepared transactions',
    facts: withRunning({ stores: changeFirst(running.stores, { preparedMax: 64 }) }),
    red: [14],
    says: 'the server allows 64 prepared transactions',
  },
];

describe('the checklist', () => {
  it('passes an honest system, with a line for each point', () => {
    const judged = judgeAll(honestFacts);
    expect(judged.map(({ number }) => number)).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
    expect(judged.filter(({ ok }) => !ok)).toEqual([]);
    expect(scoreOf(judged)).toBe('14/14');
    expect(judged.map(lineOf)[0]).toMatch(
      /^PASS {2}1 own data store per service: manifests: kind gives 3 services 3 stores/,
    );
  });

  it.each(violations)('sees that $what', ({ facts, red, says }) => {
    expect(failing(facts)).toEqual(red);
    expect(red.map((number) => evidenceOf(facts, number)).join('\n')).toContain(says);
  });

  it('has a violation for every point', () => {
    const seen = new Set(violations.flatMap(({ red }) => red));
    expect(points.map(({ number }) => number).filter((number) => !seen.has(number))).toEqual([]);
  });

  it('counts what passed', () => {
    const facts = withRunning({ handlers: [handler('order-create', { repeats: 0 })] });
    const judged = judgeAll(facts);
    expect(scoreOf(judged)).toBe('12/14');
    expect(judged.map(lineOf).filter((line) => line.startsWith('FAIL'))).toHaveLength(2);
  });
});

const nothingRan: Facts['running'] = {
  stores: [],
  addresses: [],
  outages: [],
  alone: [],
  pairs: [],
  lostDependencies: [],
  sagas: [],
  handlers: [],
  handlersKnown: [],
  events: [],
  lateEvents: [],
  hungProvider: null,
  refusals: [],
  gateway: null,
};

describe('evidence that evaluated nothing', () => {
  it('fails every point when there are no facts at all', () => {
    const nothing: Facts = {
      services: [],
      manifests: [],
      code: { services: [], gatewayRoutes: [], gatewayLimits: [], plan: [] },
      running: nothingRan,
    };
    expect(scoreOf(judgeAll(nothing))).toBe('0/14');
  });

  it('fails every point that needs a running system when nothing ran', () => {
    // 12 is about manifests and code alone.
    expect(failing({ ...honestFacts, running: nothingRan })).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14,
    ]);
  });

  it('fails every point that reads manifests when an environment is empty', () => {
    const empty = withManifests((one) => ({
      ...Object.fromEntries(Object.keys(one).map((key) => [key, []])),
      environment: 'kind',
      objects: 0,
    }));
    expect(failing(empty)).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
  });

  it('is no claim, either', () => {
    expect(verdictOf([]).ok).toBe(false);
    const looked = { source: 'code' as const, looked: 0, holds: '0 files', problems: [] };
    expect(verdictOf([looked])).toEqual({ ok: false, evidence: 'code: nothing to look at (0 files)' });
  });
});
