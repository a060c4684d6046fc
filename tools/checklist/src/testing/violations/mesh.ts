import {
  changeFirst,
  honestFacts,
  withBreaker,
  withCode,
  withGateway,
  withManifests,
  withRunning,
} from '../honest-facts.ts';
import type { Violation } from './violation.ts';

/** Seeded violations of points 4, 5 and 12: what mesh and gateway enforce. */

const { running } = honestFacts;
const place = { at: 'services/order/src/x.ts:7', what: 'PREPARE TRANSACTION' };

export const meshViolations: readonly Violation[] = [
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
    what: 'a host is never ejected',
    facts: withBreaker({ errorsMax: null }),
    red: [4],
    says: 'kind: order is never ejected',
  },
  {
    what: 'a host is ejected for no time',
    facts: withBreaker({ ejectionSeconds: 0 }),
    red: [4],
    says: 'kind: order is ejected for no time',
  },
  {
    what: 'a limit is so high that it is none',
    facts: withBreaker({ connectionsMax: 4_294_967_295 }),
    red: [4],
    says: 'kind: order has no limit of connections',
  },
  {
    what: 'a host outside has no breaker',
    facts: withManifests(() => ({ outsideHosts: ['api.provider.example'] })),
    red: [4],
    says: 'kind: api.provider.example has no circuit breaker',
  },
  {
    what: 'a hung provider takes everybody with it',
    facts: withRunning({ hungProvider: { cutOff: 1, healthyMeanwhile: [], outcomeAfter: 'Completed' } }),
    red: [4],
    says: 'the hung provider took every service with it',
  },
  {
    what: 'the order of a hung provider never ends',
    facts: withRunning({ hungProvider: { cutOff: 1, healthyMeanwhile: ['order'], outcomeAfter: 'open' } }),
    red: [4],
    says: 'the saga was open after the provider came back',
  },
  {
    what: 'a permitted call has no breaker at all',
    facts: withManifests(({ breakers }) => ({
      breakers: breakers.filter(({ host }) => !host.startsWith('user.')),
    })),
    red: [4, 12],
    says: 'nothing breaks the circuit from gateway to user',
  },
  {
    what: 'a writing route has no timeout',
    facts: withManifests(({ routes }) => ({ routes: changeFirst(routes, { timeoutSeconds: null }) })),
    red: [12],
    says: 'kind: orders-write has no timeout',
  },
  {
    what: 'a route is missing',
    facts: withManifests(({ routes }) => ({ routes: routes.filter(({ name }) => name !== 'keys') })),
    red: [5],
    says: 'kind: the route keys is missing',
  },
  {
    what: 'a route goes elsewhere',
    facts: withManifests(({ routes }) => ({ routes: changeFirst(routes, { destination: 'user' }) })),
    red: [5],
    says: 'kind: orders-write goes to user',
  },
  {
    what: 'a route lacks its method',
    facts: withManifests(({ routes }) => ({
      routes: routes.map((one) => (one.name === 'orders-read' ? { ...one, methods: ['HEAD'] } : one)),
    })),
    red: [5],
    says: 'kind: orders-read has no GET',
  },
  {
    what: 'a route has another path',
    facts: withManifests(({ routes }) => ({ routes: changeFirst(routes, { paths: ['/orders'] }) })),
    red: [5],
    says: 'kind: orders-write has the paths /orders',
  },
  {
    what: 'no rule lets a route in',
    facts: withManifests(({ tokenRules }) => ({ tokenRules: tokenRules.slice(0, -1) })),
    red: [5],
    says: 'kind: no rule lets keys in',
  },
  {
    what: 'a service believes the gateway',
    facts: withCode('user', { verifiesTokens: false }),
    red: [5],
    says: 'user believes whatever the gateway lets through',
  },
  {
    what: 'the gateway lets a stranger pass',
    facts: withGateway({ answered: [{ request: 'GET without a token', mayPass: false, status: 200 }] }),
    red: [5],
    says: 'the gateway answered 200 to GET without a token',
  },
  {
    what: 'the gateway refuses nearly everything',
    facts: withGateway({ bursts: [{ limit: 'orders', sent: 150, refused: 149, toldWhen: 149 }] }),
    red: [5],
    says: '149 of 150 orders requests were refused',
  },
  {
    what: 'a refusal does not say when to come again',
    facts: withGateway({ bursts: [{ limit: 'orders', sent: 150, refused: 50, toldWhen: 0 }] }),
    red: [5],
    says: '50 refusals of orders do not say when to come again',
  },
];
