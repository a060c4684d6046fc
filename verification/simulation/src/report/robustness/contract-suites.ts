/** The suites that fakes and real things share: which title of a test says that it belongs to which suite, and what it ran on. */

export interface ContractSuite {
  readonly title: string;
  readonly file: string;
  /** The suite's `describe`; the first group is what it ran on. */
  readonly pattern: RegExp;
}

const kube = 'operator/src/kube';
const kit = 'services/kit/src/testing';

export const contractSuites: readonly ContractSuite[] = [
  {
    title: 'message broker',
    file: 'packages/runtime/src/broker.behaviour.ts',
    pattern: /^(.+) as a broker$/,
  },
  { title: 'cache', file: 'packages/runtime/src/cache.behaviour.ts', pattern: /^(.+) as a cache$/ },
  { title: 'database', file: `${kit}/db.behaviour.ts`, pattern: /^the database port on (.+)$/ },
  {
    title: 'fence',
    file: `${kit}/fence.behaviour.ts`,
    pattern: /^the fence on (.+), effect (?:inside the database|outside)$/,
  },
  { title: 'outbox', file: `${kit}/outbox.behaviour.ts`, pattern: /^the outbox on (.+)$/ },
  {
    title: 'idempotency keys',
    file: `${kit}/idempotency-key.behaviour.ts`,
    pattern: /^idempotency keys on (.+)$/,
  },
  {
    title: 'steps of the order service',
    file: 'services/order/src/testing/order-steps.behaviour.ts',
    pattern: /^the steps of the order service on (.+)$/,
  },
  {
    title: 'announcing orders again',
    file: 'services/order/src/testing/announcer.behaviour.ts',
    pattern: /^announcing orders again on (.+)$/,
  },
  {
    title: 'steps of the inventory service',
    file: 'services/inventory/src/testing/inventory-steps.behaviour.ts',
    pattern: /^the steps of the inventory service on (.+)$/,
  },
  {
    title: 'charge and refund',
    file: 'services/payment/src/testing/charge-step.behaviour.ts',
    pattern: /^charge and refund on (.+, against .+)$/,
  },
  {
    title: 'table of payments',
    file: 'services/payment/src/testing/payment-store.behaviour.ts',
    pattern: /^the payments on (.+)$/,
  },
  {
    title: 'payment provider',
    file: 'services/payment/src/testing/payment-gateway.behaviour.ts',
    pattern: /^the payment port (.+)$/,
  },
  { title: 'kernel', file: `${kube}/kernel.behaviour.ts`, pattern: /^the kernel on (.+)$/ },
  {
    title: 'reflector on a bad wire',
    file: `${kube}/reflector.behaviour.ts`,
    pattern: /^the reflector on (.+)$/,
  },
  { title: 'two electors', file: `${kube}/elector.behaviour.ts`, pattern: /^two electors on (.+)$/ },
  {
    title: 'operator killed at every effect',
    file: `${kube}/keeper.behaviour.ts`,
    pattern: /^an operator in small on (.+)$/,
  },
  {
    title: 'Event recorder',
    file: `${kube}/recorder.behaviour.ts`,
    pattern: /^the Event recorder on (.+)$/,
  },
];

/** Cases beside the suites, of things that only a real server shows. Named by the server as the suites name it. */
export const serverTests: readonly { readonly title: string; readonly file: string; readonly on: string }[] =
  [
    {
      title: 'broker whose server is killed, frozen or emptied',
      file: 'packages/runtime/src/nats-broker.int.test.ts',
      on: 'NATS',
    },
    {
      title: 'database whose server ends connections',
      file: 'services/kit/src/pg-db.int.test.ts',
      on: 'postgres',
    },
    {
      title: 'fence raced for on two connections',
      file: 'services/kit/src/fence-postgres.int.test.ts',
      on: 'postgres',
    },
    {
      title: 'API server that is killed',
      file: 'operator/src/kube/kernel.int.test.ts',
      on: 'a real kube-apiserver',
    },
  ];

/** Without a leading v. */
export interface ServerVersions {
  readonly nats: string;
  readonly postgres: string;
  readonly pglite: string;
  readonly apiServer: string;
}

/** A name as the tests have it, in words for the page. */
export function implementationOf(
  name: string,
  versions: ServerVersions,
): { readonly implementation: string; readonly isFake: boolean } {
  if (name === 'in virtual time') return { implementation: 'the simulated provider', isFake: true };
  const isFake = /simulat|memory|fake/.test(name);
  const implementation = name
    .replace(/^postgres\b/, `PostgreSQL ${versions.postgres}`)
    .replace(/^pglite\b/, `PGlite ${versions.pglite}`)
    .replace(/^(NATS|a NATS bucket)$/, (whole) =>
      whole === 'NATS' ? `nats-server ${versions.nats}` : `a bucket of nats-server ${versions.nats}`,
    )
    .replace(/^a real kube-apiserver$/, `kube-apiserver ${versions.apiServer}`);
  return { implementation, isFake };
}
