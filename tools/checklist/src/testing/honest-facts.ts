import { gatewayRoutes, rateLimits } from '@sagamesh/gateway/routes';
import type {
  BreakerFact,
  CallerFact,
  CodeFacts,
  Facts,
  GatewayFact,
  HandlerFact,
  ManifestFacts,
  RunningFacts,
  SagaFact,
  ServiceCode,
  WorkloadFact,
} from '../facts.ts';

/** A small system that keeps all fourteen points: four services, one of them without a store. Tests change one thing in it. */

const services = ['order', 'inventory', 'user', 'notification'];
const keepers = ['order', 'inventory', 'user'];

function workload(app: string, change: Partial<WorkloadFact> = {}): WorkloadFact {
  const store = { name: 'DATABASE_URL', value: null, secret: `${app}-db/url` };
  return {
    app,
    kind: 'Deployment',
    replicas: 2,
    image: `sagamesh/${app}:1`,
    serviceAccount: app,
    variables: [
      { name: 'NATS_URL', value: 'nats://nats.shop.svc.cluster.local:4222', secret: null },
      ...(keepers.includes(app) ? [store] : []),
    ],
    probes: ['startup', 'readiness', 'liveness'],
    containers: 1,
    rolling: true,
    ...change,
  };
}

const breaker = (host: string) => ({
  host: `${host}.shop.svc.cluster.local`,
  connectionsMax: 32,
  pendingMax: 16,
  errorsMax: 5,
  ejectionSeconds: 30,
  ejectedPercentMax: 100,
});

const callersOf = (callee: string, from: readonly string[]): readonly CallerFact[] => [
  { policy: 'AuthorizationPolicy', callee, from },
  { policy: 'NetworkPolicy', callee, from },
];

const pathsOf = (path: (typeof gatewayRoutes)[number]['path']) =>
  'prefix' in path ? [path.prefix, `${path.prefix}/*`] : [path.exact];

function manifests(environment: string): ManifestFacts {
  const hosts = [...services, ...keepers.map((name) => `${name}-db`), 'nats'];
  return {
    environment,
    objects: 100,
    workloads: [
      ...services.map((name) => workload(name)),
      workload('sagamesh-operator'),
      workload('order-db'),
    ],
    ports: hosts.map((service) => ({ service, port: 'http' })),
    breakers: hosts.map(breaker),
    outsideHosts: [],
    callers: [
      ...callersOf('order', ['gateway']),
      ...callersOf('user', ['gateway']),
      ...callersOf('inventory', []),
      ...callersOf('notification', []),
      ...callersOf('nats', [...services, 'sagamesh-operator']),
      ...keepers.flatMap((name) => callersOf(`${name}-db`, [name])),
    ],
    routes: gatewayRoutes.map(({ name, path, methods, service, retry }) => ({
      name,
      paths: pathsOf(path),
      methods,
      destination: service,
      timeoutSeconds: 10,
      attempts: retry === 'never' ? 0 : 2,
    })),
    limits: Object.values(rateLimits).map(({ name, requestsPerMinute }) => ({
      name,
      requests: requestsPerMinute,
      seconds: 60,
    })),
    tokenRules: gatewayRoutes.map(({ path, methods, access }) => ({
      action: 'ALLOW',
      paths: pathsOf(path),
      methods,
      needsToken: access === 'token',
    })),
    budgets: services,
    autoscaled: [],
  };
}

export function serviceCode(name: string, change: Partial<ServiceCode> = {}): ServiceCode {
  return {
    name,
    reached: 40,
    foreignImports: [],
    tables: keepers.includes(name) ? [`${name}_table`] : [],
    statements: 5,
    foreignTables: [],
    twoPhase: [],
    clients: [{ at: `services/${name}/src/channel.ts:1`, what: 'fetch', hasTimeLimit: true }],
    foreignAddresses: [],
    eventsRead: name === 'notification' ? ['order.confirmed'] : [],
    eventsWritten: name === 'order' ? ['order.confirmed'] : [],
    actions: { order: ['create', 'cancel', 'confirm'], inventory: ['reserve', 'release'] }[name] ?? [],
    writingRoutes: name === 'order' ? [{ route: 'POST /api/v1/orders', keyed: true }] : [],
    verifiesTokens: name === 'order' || name === 'user',
    ...change,
  };
}

const code: CodeFacts = {
  services: services.map((name) => serviceCode(name)),
  gatewayRoutes,
  gatewayLimits: Object.values(rateLimits),
  plan: [
    { name: 'createOrder', service: 'order', execute: 'create', compensate: 'cancel', pivot: false },
    { name: 'reserve', service: 'inventory', execute: 'reserve', compensate: 'release', pivot: false },
    { name: 'confirmOrder', service: 'order', execute: 'confirm', compensate: null, pivot: true },
  ],
};

export function handler(name: string, change: Partial<HandlerFact> = {}): HandlerFact {
  return { name, kind: 'command', repeats: 3, answeredOtherwise: 0, effects: [], rows: 50, ...change };
}

const handlerNames = ['order-create', 'notification-order-confirmed', 'order POST /api/v1/orders'];
const lost = { before: 'healthy', during: 'degraded', after: 'healthy' };

const running: RunningFacts = {
  stores: keepers.map((service) => ({
    service,
    url: `postgresql://127.0.0.1/${service}`,
    tables: [`${service}_table`, 'saga_fence'],
    ownTables: [`${service}_table`],
    connections: 2,
    connectionsWhileStopped: 0,
    preparedMax: 0,
    prepared: 0,
    links: 0,
  })),
  addresses: services.map((service) => ({ service, variables: 5, foreign: [] })),
  outages: services.map((service) => ({
    service,
    othersHealthy: services.filter((other) => other !== service),
    othersTroubled: [],
    othersRestarted: [],
    ordersTaken: 1,
    endedMeanwhile: 0,
    ordersCompleted: 1,
  })),
  alone: services.map((service) => ({ service, ready: true })),
  pairs: services.map((service) => ({ service, handled: [4, 3] })),
  lostDependencies: [
    ...services.map((service) => ({ service, dependency: 'broker', named: ['broker'], ...lost })),
    ...keepers.map((service) => ({ service, dependency: 'database', named: ['database'], ...lost })),
  ],
  sagas: [
    {
      name: 'good',
      outcome: 'Completed',
      reason: null,
      stepStates: ['Done', 'Done', 'Done'],
      capturedCents: 100,
      refundedCents: 0,
      orderState: 'CONFIRMED',
      reservedPieces: 0,
    },
    {
      name: 'late',
      outcome: 'Compensated',
      reason: 'StepTimedOut',
      stepStates: ['Compensated', 'Compensated', 'Revoked'],
      capturedCents: 100,
      refundedCents: 100,
      orderState: 'CANCELLED',
      reservedPieces: 0,
    },
  ],
  handlers: handlerNames.map((name) => handler(name)),
  handlersKnown: handlerNames,
  events: [{ type: 'order.confirmed', stored: 3 }],
  lateEvents: [{ reader: 'notification', type: 'order.confirmed', seenAfter: 1 }],
  hungProvider: { cutOff: 1, healthyMeanwhile: services, outcomeAfter: 'Completed' },
  refusals: [{ service: 'order', request: 'GET /api/v1/orders without a token', status: 401 }],
  gateway: {
    answered: [
      { request: 'GET with a token', mayPass: true, status: 200 },
      { request: 'GET without a token', mayPass: false, status: 403 },
    ],
    bursts: [{ limit: 'orders', sent: 150, refused: 50, toldWhen: 50 }],
  },
};

export const honestFacts: Facts = {
  services,
  manifests: [manifests('kind'), manifests('production')],
  code,
  running,
};

type FirstOf<T> = T extends readonly (infer Item)[] ? Item : never;

/** The same list with its first item changed. */
export function changeFirst<T>(items: readonly T[], change: Partial<FirstOf<readonly T[]>>): readonly T[] {
  return items.map((item, index) => (index === 0 ? { ...item, ...change } : item));
}

export const withRunning = (change: Partial<RunningFacts>): Facts => ({
  ...honestFacts,
  running: { ...running, ...change },
});

export const withCode = (service: string, change: Partial<ServiceCode>): Facts => ({
  ...honestFacts,
  code: {
    ...code,
    services: code.services.map((one) => (one.name === service ? { ...one, ...change } : one)),
  },
});

/** In the first environment. */
export const withManifests = (change: (honest: ManifestFacts) => Partial<ManifestFacts>): Facts => ({
  ...honestFacts,
  manifests: honestFacts.manifests.map((one, index) => (index === 0 ? { ...one, ...change(one) } : one)),
});

export const withWorkload = (app: string, change: Partial<WorkloadFact>): Facts =>
  withManifests(({ workloads }) => ({
    workloads: workloads.map((one) => (one.app === app ? { ...one, ...change } : one)),
  }));

export const withSaga = (name: string, change: Partial<SagaFact>): Facts =>
  withRunning({ sagas: running.sagas.map((one) => (one.name === name ? { ...one, ...change } : one)) });

/** Of the service `order`, in the first environment. */
export const withBreaker = (change: Partial<BreakerFact>): Facts =>
  withManifests(({ breakers }) => ({ breakers: changeFirst(breakers, change) }));

export const withGateway = (change: Partial<GatewayFact>): Facts =>
  withRunning({ gateway: running.gateway === null ? null : { ...running.gateway, ...change } });
