import { publicJwks, signingKeyOf } from '@sagamesh/contracts/signing-keys';
import { imagesOf } from '@sagamesh/charts/images';
import type { KubeObject } from '@sagamesh/charts/kube-object';
import { namespaces } from '@sagamesh/charts/topology';
import { meshWorkloads } from '@sagamesh/mesh/mesh-site';
import type { MeshObject, MeshSite, MeshWorkload } from '@sagamesh/mesh/mesh-site';
import { sendRequests } from '@sagamesh/mesh/send-requests';
import { standInClient } from '@sagamesh/mesh/stand-in-client';
import type { StandInClient } from '@sagamesh/mesh/stand-in-client';
import { standInScript } from '@sagamesh/mesh/stand-in-script';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { Forwards } from './port-forward.ts';
import type { PodPort } from './port-forward.ts';
import { gatewayUrl } from './smoke-order.ts';
import { removeStandIns } from './remove-stand-ins.ts';
import { controlPort, openNetwork, scriptConfigMap, standInName, standInPod } from './stand-in-pods.ts';
import { kindObjects } from './tasks/apply-manifests.ts';
import { awaitRollout } from './tasks/await-rollout.ts';
import { listOf } from './tasks/make-secrets.ts';
import { readKeys } from './token-keys.ts';

/**
 * The mesh in the cluster of `make kind-up`: real kubelet, injection and Services. The real workloads stand aside (scaled to nothing) while
 * stand-ins take their places, and come back at the end, whatever happened.
 */

export interface KindSiteOptions {
  readonly kubectl: Kubectl;
  readonly kubeconfig: string;
  readonly note: (line: string) => void;
}

type Standing = Exclude<MeshWorkload, 'gateway'>;
const standing = meshWorkloads.filter((name): name is Standing => name !== 'gateway');
const fieldManager = 'sagamesh-mesh-test';

export async function startKindSite(options: KindSiteOptions): Promise<MeshSite> {
  const { kubectl, note } = options;
  const objects = kindObjects({ images: {} });
  const forwards = new Forwards(options.kubeconfig);
  const close = async (): Promise<void> => {
    forwards.closeAll();
    await putBack(options, objects);
  };
  try {
    await removeStandIns(kubectl);
    await stepAside(kubectl);
    note('the real workloads stand aside');
    const clients = await startStandIns(options, objects, forwards);
    note(`${clients.size} stand-ins are ready`);
    return { ...meshSite(kubectl, clients, forwards), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** All that speak to NATS, too: a broker that is none would make them fail. What keeps data stays as it is, unless a stand-in takes its place. */
async function stepAside(kubectl: Kubectl): Promise<void> {
  const all = ['deployments', '--all', '--replicas=0', '-n'];
  for (const namespace of [namespaces.shop, namespaces.system])
    await mustRun(kubectl, ['scale', ...all, namespace]);
  const servers = ['statefulset/nats', 'statefulset/order-db', '--replicas=0', '-n', namespaces.shop];
  await mustRun(kubectl, ['scale', ...servers]);
  for (const app of standing) {
    const gone = ['wait', '--for=delete', 'pod', '-n', namespaces.shop, '-l', `app=${app}`, '--timeout=300s'];
    await mustRun(kubectl, gone);
  }
}

async function startStandIns(
  { kubectl }: KindSiteOptions,
  objects: readonly KubeObject[],
  forwards: Forwards,
): Promise<ReadonlyMap<Standing, StandInClient>> {
  const script = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: scriptConfigMap, namespace: namespaces.shop },
    data: { 'stand-in.mjs': await standInScript() },
  };
  const image = imagesOf().ours('order');
  const pods = standing.map((workload) => standInPod(objects, workload, image));
  await applyWith(kubectl, [script, openNetwork(namespaces.shop), ...pods]);
  const names = standing.map((workload) => `pod/${standInName(workload)}`);
  await mustRun(kubectl, [
    'wait',
    '--for=condition=Ready',
    '-n',
    namespaces.shop,
    '--timeout=300s',
    ...names,
  ]);
  const clients = new Map<Standing, StandInClient>();
  for (const workload of standing) {
    const client = standInClient(forwards.control(podOf(workload, controlPort)));
    await waitUntil(async () => (await client.answer({ status: 200 }), true), {
      timeoutMillis: 120_000,
      intervalMillis: 500,
      what: `the stand-in of ${workload} to answer`,
    });
    clients.set(workload, client);
  }
  return clients;
}

function podOf(workload: MeshWorkload, port: number): PodPort {
  return workload === 'gateway'
    ? { namespace: namespaces.gateway, target: 'deploy/gateway', port }
    : { namespace: namespaces.shop, target: `pod/${standInName(workload)}`, port };
}

function meshSite(
  kubectl: Kubectl,
  clients: ReadonlyMap<Standing, StandInClient>,
  forwards: Forwards,
): Omit<MeshSite, 'close'> {
  const clientOf = (workload: Standing): StandInClient => {
    const client = clients.get(workload);
    if (client === undefined) throw new Error(`the site has no stand-in of ${workload}`);
    return client;
  };
  return {
    send: (from, requests) =>
      from === 'outside'
        ? sendRequests(requests.map((request) => ({ ...request, url: gatewayUrl + request.url })))
        : clientOf(from).send(requests),
    exchange: (from, tcp) => clientOf(from).exchange(tcp),
    standIn: clientOf,
    admin: (workload, path) => forwards.get(podOf(workload, 15_000), path),
    istiodMetrics: () =>
      forwards.get({ namespace: namespaces.istio, target: 'deploy/istiod', port: 15_014 }, '/metrics'),
    signingKey: async () => {
      const { keys } = await readKeys(kubectl);
      const { kid, privateJwk } = signingKeyOf(keys);
      if (!publicJwks(keys).keys.some((key) => key.kid === kid))
        throw new Error(`nobody knows the key ${kid}`);
      return { kid, privateJwk };
    },
    apply: (objects) => applyWith(kubectl, objects),
    remove: async (objects) => {
      await mustRun(kubectl, ['delete', '--ignore-not-found', '-f', '-'], listOf(objects));
    },
  };
}

async function applyWith(kubectl: Kubectl, objects: readonly MeshObject[]): Promise<void> {
  const how = ['--server-side', '--force-conflicts', `--field-manager=${fieldManager}`];
  await mustRun(kubectl, ['apply', ...how, '-f', '-'], listOf(objects));
}

/** The real workloads come back also when a stand-in cannot be removed. */
async function putBack({ kubectl, note }: KindSiteOptions, objects: readonly KubeObject[]): Promise<void> {
  await removeStandIns(kubectl).catch((error: unknown) => note(String(error)));
  const { replicas, rules } = originals(objects);
  await mustRun(kubectl, ['apply', '-f', '-'], listOf(rules));
  for (const { target, namespace, count } of replicas) {
    await mustRun(kubectl, ['scale', '-n', namespace, target, `--replicas=${count}`]);
  }
  note(await awaitRollout({ kubectl, note: () => undefined }, 600));
}

interface Replicas {
  readonly target: string;
  readonly namespace: string;
  readonly count: number;
}

/** Replica counts, and the rules of the mesh that the suite changes for a while. Pods are not made anew by either. */
function originals(objects: readonly KubeObject[]): {
  readonly replicas: readonly Replicas[];
  readonly rules: readonly KubeObject[];
} {
  const replicas = objects.flatMap(({ kind, metadata, spec }): Replicas[] => {
    if (kind !== 'Deployment' && kind !== 'StatefulSet') return [];
    const wanted =
      typeof spec === 'object' && spec !== null && 'replicas' in spec ? Number(spec.replicas) : 1;
    return [
      { target: `${kind}/${metadata.name}`, namespace: metadata.namespace ?? 'default', count: wanted },
    ];
  });
  return { replicas, rules: objects.filter(({ apiVersion }) => apiVersion.includes('istio.io/')) };
}
