/** One pod as processes: a network with Istio's redirection, the stand-in as its app, and the agent with Envoy. */
import { chownSync, copyFileSync, mkdirSync, openSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataDir } from '@sagamesh/sandbox/data-dir';
import type { ManagedProcess } from '@sagamesh/sandbox/managed-process';
import { istioSettings } from './istio-settings.ts';
import type { PodPlan } from './mesh-manifests.ts';
import type { PodPrograms } from './mesh-programs.ts';
import { connectToBridge, NetworkNamespace } from './network-namespace.ts';
import { overUnixSocket, standInClient, type StandInClient } from './stand-in-client.ts';

export interface PodSurroundings {
  readonly dataDir: DataDir;
  readonly host: NetworkNamespace;
  readonly hostAddress: string;
  readonly programs: PodPrograms;
  readonly standInFile: string;
  readonly bootstrapTemplate: string;
  readonly rootCertificate: string;
  /** A token of the pod's service account, for istiod. */
  readonly token: (plan: PodPlan) => Promise<string>;
  /** Told of each network, for whoever closes them. */
  readonly opened: (network: NetworkNamespace) => void;
}

export interface MeshPod {
  readonly plan: PodPlan;
  readonly client: StandInClient;
  readonly namespace: NetworkNamespace;
  readonly proxy: ManagedProcess;
}

/** Whom a container's app and Istio's proxy run as. What the proxy's user sends is not redirected. */
export const appUser = 10001;
const proxyUser = 1337;

const istiodHost = 'istiod.istio-system.svc';

export async function startPod(plan: PodPlan, around: PodSurroundings): Promise<MeshPod> {
  const namespace = await openNetwork(plan, around);
  const client = await startStandIn(plan.name, namespace, {
    ...around,
    node: around.programs.node,
    ports: standInPorts(plan),
  });
  const root = await proxyRoot(plan, around);
  const proxy = proxyProcess(plan, namespace, root, around);
  await proxy.start();
  return { plan, client, namespace, proxy };
}

async function openNetwork(plan: PodPlan, around: PodSurroundings): Promise<NetworkNamespace> {
  const { dataDir, host, hostAddress, programs } = around;
  const file = (name: string, text: string): string => {
    const path = dataDir.file('pods', plan.name, name);
    writeFileSync(path, text);
    return path;
  };
  const hosts = file('hosts', `127.0.0.1 localhost\n${hostAddress} ${istiodHost}\n`);
  // The agent answers, by Istio's redirection.
  const resolver = file(
    'resolv.conf',
    [
      `nameserver ${hostAddress}`,
      `search ${plan.namespace}.svc.cluster.local svc.cluster.local cluster.local`,
      // Whole names first: there is no server behind the agent to say that a longer one does not exist.
      'options ndots:1 timeout:1 attempts:1\n',
    ].join('\n'),
  );
  const namespace = await NetworkNamespace.open({
    name: plan.name,
    dataDir,
    mounts: [
      ...programs.mounts,
      { source: hosts, target: '/etc/hosts' },
      { source: resolver, target: '/etc/resolv.conf' },
    ],
  });
  around.opened(namespace);
  const number = plan.address.split('.').at(-1) ?? '';
  await connectToBridge(host, namespace, {
    name: `pod${number}`,
    address: plan.address,
    gateway: hostAddress,
  });
  if (isGateway(plan)) return namespace;
  await namespace.run(programs.pilotAgent, ['istio-iptables', ...redirection]);
  return namespace;
}

/** All that comes in or goes out, but for the ports of the agent itself; names are resolved by the agent, too. */
const redirection = [
  '--envoy-port=15001',
  '--inbound-capture-port=15006',
  `--proxy-uid=${proxyUser}`,
  '--istio-inbound-interception-mode=REDIRECT',
  '--istio-service-cidr=*',
  '--istio-inbound-ports=*',
  '--istio-local-exclude-ports=15090,15021,15020',
  '--redirect-dns',
];

function isGateway(plan: PodPlan): boolean {
  return plan.name === 'gateway';
}

interface StandInPorts {
  readonly http: readonly number[];
  readonly tcp: readonly number[];
}

function standInPorts(plan: PodPlan): StandInPorts {
  if (isGateway(plan)) return { http: [], tcp: [] };
  const named = (prefix: string) =>
    plan.ports.filter(({ name }) => name.startsWith(prefix)).map((port) => port.containerPort);
  return { http: named('http'), tcp: named('tcp') };
}

/** Also for the host's network, where it is the client outside of the mesh. */
export async function startStandIn(
  name: string,
  namespace: NetworkNamespace,
  options: {
    readonly dataDir: DataDir;
    readonly node: string;
    readonly standInFile: string;
    readonly ports: StandInPorts;
  },
): Promise<StandInClient> {
  const { dataDir, node, standInFile, ports } = options;
  const socket = dataDir.file('control', name, 'socket');
  chownSync(join(socket, '..'), appUser, appUser);
  const client = standInClient(overUnixSocket(socket));
  const app = namespace.process(
    {
      name: `${name}-app`,
      command: node,
      args: [standInFile],
      env: {
        STAND_IN_CONTROL: socket,
        STAND_IN_TCP_PORTS: ports.tcp.join(','),
        ...(ports.http[0] === undefined ? {} : { STAND_IN_HTTP_PORT: String(ports.http[0]) }),
      },
      logFile: dataDir.file('logs', `${name}-app.log`),
      readyTimeoutMillis: 120_000,
      ready: async () => (await client.seen()).length === 0,
    },
    { uid: appUser },
  );
  await app.start();
  return client;
}

/** The agent's paths are relative: its working folder plays the root of the proxy's container. */
async function proxyRoot(plan: PodPlan, around: PodSurroundings): Promise<string> {
  const root = join(around.dataDir.file('pods', plan.name, 'root'));
  const put = (path: string, text: string): void => {
    const full = around.dataDir.file('pods', plan.name, 'root', ...path.split('/'));
    writeFileSync(full, text);
  };
  put('var/run/secrets/istio/root-cert.pem', around.rootCertificate);
  put('var/run/secrets/tokens/istio-token', await around.token(plan));
  const labels = Object.entries(plan.labels).map(([key, value]) => `${key}="${value}"\n`);
  put('etc/istio/pod/labels', labels.join(''));
  put('etc/istio/pod/annotations', '');
  for (const folder of ['etc/istio/proxy', 'var/lib/istio/envoy', 'var/lib/istio/data']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  copyFileSync(around.bootstrapTemplate, join(root, 'var/lib/istio/envoy/envoy_bootstrap_tmpl.json'));
  await around.host.run('chown', ['-R', `${proxyUser}:${proxyUser}`, root]);
  return root;
}

function proxyProcess(
  plan: PodPlan,
  namespace: NetworkNamespace,
  root: string,
  around: PodSurroundings,
): ManagedProcess {
  const logFile = around.dataDir.file('logs', `${plan.name}-proxy.log`);
  // Envoy opens its standard output a second time, by its path; it refuses every listener if it may not.
  closeSync(openSync(logFile, 'a'));
  chownSync(logFile, proxyUser, proxyUser);
  const client = standInClient(overUnixSocket(around.dataDir.file('control', plan.name, 'socket')));
  return namespace.process(
    {
      name: `${plan.name}-proxy`,
      command: around.programs.pilotAgent,
      args: [
        'proxy',
        isGateway(plan) ? 'router' : 'sidecar',
        `--domain=${plan.namespace}.svc.cluster.local`,
        '--proxyLogLevel=warning',
        '--log_output_level=default:info',
      ],
      env: proxyEnvironment(plan, around),
      logFile,
      readyTimeoutMillis: 240_000,
      ready: async () => {
        const [answer] = await client.send([{ url: `http://${plan.address}:15021/healthz/ready` }]);
        return answer?.status === 200;
      },
    },
    { uid: proxyUser, cwd: root },
  );
}

/** What the injector would write into the container. */
function proxyEnvironment(plan: PodPlan, around: PodSurroundings): Readonly<Record<string, string>> {
  const proxyConfig = {
    ...istioSettings().proxyConfig,
    discoveryAddress: `${istiodHost}:15012`,
    binaryPath: around.programs.envoy,
    concurrency: 1,
  };
  return {
    PATH: '/usr/bin:/bin',
    POD_NAME: plan.name,
    POD_NAMESPACE: plan.namespace,
    INSTANCE_IP: plan.address,
    HOST_IP: around.hostAddress,
    SERVICE_ACCOUNT: plan.serviceAccount,
    TRUST_DOMAIN: 'cluster.local',
    CA_ADDR: `${istiodHost}:15012`,
    PILOT_CERT_PROVIDER: 'istiod',
    JWT_POLICY: 'third-party-jwt',
    PROXY_CONFIG: JSON.stringify(proxyConfig),
    ISTIO_META_CLUSTER_ID: 'Kubernetes',
    ISTIO_META_MESH_ID: 'cluster.local',
    ISTIO_META_WORKLOAD_NAME: plan.name,
    ISTIO_META_APP_CONTAINERS: plan.name,
    ISTIO_META_POD_PORTS: JSON.stringify(plan.ports),
    ISTIO_METAJSON_LABELS: JSON.stringify(plan.labels),
    ISTIO_META_INTERCEPTION_MODE: isGateway(plan) ? 'NONE' : 'REDIRECT',
    ISTIO_META_DNS_CAPTURE: isGateway(plan) ? 'false' : 'true',
  };
}
