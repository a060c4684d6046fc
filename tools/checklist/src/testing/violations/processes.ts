import {
  changeFirst,
  honestFacts,
  withCode,
  withManifests,
  withRunning,
  withWorkload,
} from '../honest-facts.ts';
import type { Violation } from './violation.ts';

/** Seeded violations of points 6, 8, 10 and 11: whether services are processes of their own. */

const { running, code } = honestFacts;
const place = { at: 'services/order/src/x.ts:7', what: 'PREPARE TRANSACTION' };

export const processViolations: readonly Violation[] = [
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
    what: 'a service was unwell before anything was taken away',
    facts: withRunning({ lostDependencies: changeFirst(running.lostDependencies, { before: 'degraded' }) }),
    red: [6],
    says: 'order was degraded before its broker was taken away',
  },
  {
    what: 'health blames something else',
    facts: withRunning({ lostDependencies: changeFirst(running.lostDependencies, { named: ['cache'] }) }),
    red: [6],
    says: 'order without its broker is degraded, naming cache',
  },
  {
    what: 'health names what is missing and calls itself healthy',
    facts: withRunning({ lostDependencies: changeFirst(running.lostDependencies, { during: 'healthy' }) }),
    red: [6],
    says: 'order without its broker is healthy, naming broker',
  },
  {
    what: 'there was no second process',
    facts: withRunning({ pairs: changeFirst(running.pairs, { handled: [7] }) }),
    red: [8],
    says: 'of two order one did nothing',
  },
  {
    what: 'a service does not recover',
    facts: withRunning({ lostDependencies: changeFirst(running.lostDependencies, { after: 'degraded' }) }),
    red: [6],
    says: 'order is degraded after its broker came back',
  },
  {
    what: 'a service was never asked',
    facts: withRunning({
      lostDependencies: running.lostDependencies.filter(({ service }) => service !== 'user'),
    }),
    red: [6],
    says: 'user was never asked without a dependency',
  },
  {
    what: 'a service has no Deployment',
    facts: withManifests(({ workloads }) => ({
      workloads: workloads.filter(({ app }) => app !== 'notification'),
    })),
    red: [8],
    says: 'kind: notification has no Deployment of its own',
  },
  {
    what: 'a service does not roll',
    facts: withWorkload('user', { rolling: false }),
    red: [8],
    says: 'kind: user does not roll',
  },
  {
    what: 'production has one replica of a service',
    facts: {
      ...honestFacts,
      manifests: honestFacts.manifests.map((one) => ({
        ...one,
        workloads: one.workloads.map((workload) => ({
          ...workload,
          replicas: workload.app === 'user' ? 1 : 2,
        })),
      })),
    },
    red: [8],
    says: 'production: user has one replica and is not scaled',
  },
  {
    what: 'a service has no disruption budget',
    facts: withManifests(({ budgets }) => ({ budgets: budgets.slice(1) })),
    red: [8],
    says: 'kind: order has no disruption budget',
  },
  {
    what: 'nobody was looked at while a service was away',
    facts: withRunning({ outages: changeFirst(running.outages, { othersHealthy: [] }) }),
    red: [8],
    says: 'without order nobody was looked at',
  },
  {
    what: 'a service restarts another',
    facts: withRunning({ outages: changeFirst(running.outages, { othersRestarted: ['user'] }) }),
    red: [8],
    says: 'user was restarted with order',
  },
  {
    what: 'no order was taken while a service was away',
    facts: withRunning({ outages: changeFirst(running.outages, { ordersTaken: 0, ordersCompleted: 0 }) }),
    red: [8],
    says: 'without order no order was taken',
  },
  {
    what: 'an order was lost with a service',
    facts: withRunning({ outages: changeFirst(running.outages, { ordersCompleted: 0 }) }),
    red: [8],
    says: '1 orders were lost with order',
  },
  {
    what: 'anybody may call a service',
    facts: withManifests(({ callers }) => ({
      callers: callers.map((one) => (one.callee === 'inventory' ? { ...one, from: ['*'] } : one)),
    })),
    red: [10],
    says: 'AuthorizationPolicy lets anybody call inventory',
  },
  {
    what: "a process was started with another's address",
    facts: withRunning({ addresses: changeFirst(running.addresses, { foreign: ['STOCK_URL'] }) }),
    red: [10],
    says: "order was started with another's address in STOCK_URL",
  },
  {
    what: 'two services live in one pod',
    facts: withWorkload('user', { containers: 2 }),
    red: [11],
    says: 'kind: user has 2 containers',
  },
  {
    what: "a service runs under another's name",
    facts: withWorkload('user', { serviceAccount: 'order' }),
    red: [11],
    says: 'kind: user runs as order',
  },
  {
    what: 'a service has no main.ts to begin at',
    facts: withCode('user', { reached: 0 }),
    red: [11],
    says: 'user has no main.ts',
  },
  {
    what: 'a service was not read',
    facts: {
      ...honestFacts,
      code: { ...code, services: code.services.filter(({ name }) => name !== 'notification') },
    },
    // Who reads an event is not known any more, either.
    red: [2, 11],
    says: 'notification was not read',
  },
];
