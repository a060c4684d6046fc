import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import { servicePort } from '@sagamesh/gateway/routes';

/**
 * Who exists, on which ports, and who may call whom: pure data, and the one source of NetworkPolicies, AuthorizationPolicies and Sidecar scopes.
 * A workload's name is also the name of its ServiceAccount and Service, and its label `app`.
 */

export const namespaces = {
  system: operatorIdentity.namespace,
  shop: operatorIdentity.intakeNamespace,
  gateway: 'sagamesh-gateway',
  istio: 'istio-system',
  dns: 'kube-system',
} as const;

export interface Port {
  /** Starts with its protocol, from which the mesh takes how to treat it: undeclared ports are sniffed, and NATS and SMTP speak first. */
  readonly name: string;
  readonly number: number;
}

export interface Caller {
  readonly workload: WorkloadName;
  /** Names of the callee's ports. */
  readonly ports: readonly string[];
}

export type Component = 'service' | 'operator' | 'gateway' | 'broker' | 'database' | 'outside';

export interface Workload {
  readonly name: WorkloadName;
  readonly namespace: string;
  /** `outside`: stands in for what a real shop reaches on the internet. */
  readonly component: Component;
  readonly ports: readonly Port[];
  /** All of them: whoever is not listed is refused. Workloads that an environment does not have call nobody there. */
  readonly callers: readonly Caller[];
}

const serviceNames = ['order', 'inventory', 'payment', 'notification', 'user'] as const;
export type ServiceName = (typeof serviceNames)[number];

export const storeNames = ['order', 'inventory', 'payment', 'user'] as const;
/** Services with a data store of their own. */
export type StoreName = (typeof storeNames)[number];

export type WorkloadName =
  | ServiceName
  | `${StoreName}-db`
  | typeof operatorIdentity.serviceAccount
  | 'gateway'
  | 'nats'
  | 'payment-provider'
  | 'smtp-sink'
  | 'sms-sink';

export const ports = {
  http: { name: 'http', number: servicePort },
  operatorHttp: { name: 'http', number: 8080 },
  smtp: { name: 'tcp-smtp', number: 1025 },
  nats: { name: 'tcp-nats', number: 4222 },
  natsCluster: { name: 'tcp-cluster', number: 6222 },
  natsMonitor: { name: 'http-monitor', number: 8222 },
  postgres: { name: 'tcp-postgres', number: 5432 },
  gatewayHttp: { name: 'http', number: 8080 },
  gatewayHttps: { name: 'https', number: 8443 },
} as const satisfies Readonly<Record<string, Port>>;

const operator = operatorIdentity.serviceAccount;
/** Whoever connects to NATS: each has its own user there, and a Secret `<name>-nats` in its namespace. */
const natsClients = [...serviceNames, operator] as const;

const callersOfService: Readonly<Record<ServiceName, readonly Caller[]>> = {
  order: [{ workload: 'gateway', ports: ['http'] }],
  user: [{ workload: 'gateway', ports: ['http'] }],
  inventory: [],
  payment: [],
  notification: [],
};

/** Everything that exists in some environment. */
export const workloads: readonly Workload[] = [
  ...serviceNames.map((name): Workload => ({
    name,
    namespace: namespaces.shop,
    component: 'service',
    ports: [ports.http],
    callers: callersOfService[name],
  })),
  {
    name: operator,
    namespace: namespaces.system,
    component: 'operator',
    ports: [ports.operatorHttp],
    callers: [],
  },
  {
    name: 'gateway',
    namespace: namespaces.gateway,
    component: 'gateway',
    ports: [ports.gatewayHttp, ports.gatewayHttps],
    callers: [],
  },
  {
    name: 'nats',
    namespace: namespaces.shop,
    component: 'broker',
    ports: [ports.nats, ports.natsCluster, ports.natsMonitor],
    callers: [
      ...natsClients.map((workload) => ({ workload, ports: [ports.nats.name] })),
      { workload: 'nats', ports: [ports.natsCluster.name] },
    ],
  },
  ...storeNames.map((name): Workload => ({
    name: `${name}-db`,
    namespace: namespaces.shop,
    component: 'database',
    ports: [ports.postgres],
    callers: [{ workload: name, ports: [ports.postgres.name] }],
  })),
  {
    name: 'payment-provider',
    namespace: namespaces.shop,
    component: 'outside',
    ports: [ports.http],
    callers: [{ workload: 'payment', ports: ['http'] }],
  },
  {
    name: 'smtp-sink',
    namespace: namespaces.shop,
    component: 'outside',
    ports: [ports.smtp, ports.http],
    callers: [{ workload: 'notification', ports: [ports.smtp.name] }],
  },
  {
    name: 'sms-sink',
    namespace: namespaces.shop,
    component: 'outside',
    ports: [ports.http],
    callers: [{ workload: 'notification', ports: ['http'] }],
  },
];

/** Throws on a name that nobody has: a typing mistake must not become an open door. */
export function workloadNamed(name: WorkloadName): Workload {
  const found = workloads.find((workload) => workload.name === name);
  if (found === undefined) throw new Error(`the topology has no workload ${name}`);
  return found;
}

/** Whom `name` calls, with the ports it calls there. */
export function calleesOf(
  name: WorkloadName,
  among: readonly Workload[],
): readonly { readonly callee: Workload; readonly ports: readonly Port[] }[] {
  return among.flatMap((callee) => {
    const caller = callee.callers.find(({ workload }) => workload === name);
    if (caller === undefined) return [];
    return [{ callee, ports: callee.ports.filter((port) => caller.ports.includes(port.name)) }];
  });
}

/** Of the single NATS servers, for each other. */
export const natsPeersService = 'nats-headless';

export function hostOf({ name, namespace }: { readonly name: string; readonly namespace: string }): string {
  return `${name}.${namespace}.svc.cluster.local`;
}
