import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Gateway } from './constructs/gateway.ts';
import { MeshService } from './constructs/mesh-service.ts';
import { NatsCluster } from './constructs/nats-cluster.ts';
import { PostgresDatabase } from './constructs/postgres-database.ts';
import type { Environment, EnvironmentName } from './environment.ts';
import { kind } from './environments/kind.ts';
import { local } from './environments/local.ts';
import { production } from './environments/production.ts';
import { imagesOf, type ImageOverrides, type Images } from './images.ts';
import { addObject, type KubeObject } from './kube-object.ts';
import { knowNobody, OutsideHost, refuseAll, sentOnce, strictMutualTls } from './mesh-baseline.ts';
import type { NetworkSurroundings } from './network-rules.ts';
import { presentWorkloads } from './present-workloads.ts';
import { serviceMonitors } from './service-monitors.ts';
import { namespaces, storeNames, workloadNamed, type Workload } from './topology.ts';
import { leaseFlowSchema, operatorSettings } from './workloads/operator-settings.ts';
import { addPaymentProvider, addSinks } from './workloads/outside.ts';
import { paymentTimeoutMillis, serviceSettings } from './workloads/service-environment.ts';

/** The manifests of an environment, as data. Pure: the same input gives the same objects in the same order. */

export interface ManifestFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly objects: readonly KubeObject[];
  /** Not in the kustomization: needs what not every cluster has. Applied by itself. */
  readonly optional?: true;
}

export const environments: Readonly<Record<EnvironmentName, Environment>> = { kind, production, local };
export const environmentNames = ['kind', 'production', 'local'] as const satisfies readonly EnvironmentName[];

interface Site {
  readonly environment: Environment;
  readonly surroundings: NetworkSurroundings;
  readonly images: Images;
}

/** Needs the Prometheus operator's definitions. */
const monitorsFile = 'service-monitors';

type Fill = (chart: Chart, site: Site) => void;

/** One file each, in the order in which they are applied. */
const files: readonly (readonly [file: string, fill: Fill])[] = [
  ['namespaces', addNamespaces],
  ['baseline', addBaseline],
  ['outside', addOutside],
  ['databases', addDatabases],
  ['nats', addNats],
  ['operator', addOperator],
  ['order', addService('order')],
  ['inventory', addService('inventory')],
  ['payment', addService('payment')],
  ['notification', addService('notification')],
  ['user', addService('user')],
  ['gateway', addGateway],
  [monitorsFile, addMonitors],
];

export function synthesize(name: EnvironmentName, overrides: ImageOverrides = {}): readonly ManifestFile[] {
  const environment = environments[name];
  const site: Site = {
    environment,
    surroundings: {
      mesh: environment.mesh,
      among: presentWorkloads(environment),
      externalHosts: environment.externalHosts,
    },
    images: imagesOf(overrides),
  };
  return files
    .map(([file, fill]) => {
      const chart = new Chart(new App(), file, { disableResourceNameHashes: true });
      fill(chart, site);
      const objects: readonly KubeObject[] = chart.toJson();
      const path = `manifests/${name}/${file}.yaml`;
      return file === monitorsFile ? { path, objects, optional: true as const } : { path, objects };
    })
    .filter(({ objects }) => objects.length > 0);
}

/** What `kubectl apply -k` takes from an environment's folder. Namespaces first: kustomize by itself keeps this order. */
export function kustomization(files: readonly ManifestFile[]): object {
  const [namespacesFile, ...rest] = files
    .filter(({ optional }) => optional !== true)
    .map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [namespacesFile, '../crd', '../operator', ...rest],
  };
}

function ownNamespaces({ mesh }: Environment): readonly string[] {
  return [namespaces.system, namespaces.shop, ...(mesh ? [namespaces.gateway] : [])];
}

function addNamespaces(chart: Chart, { environment }: Site): void {
  const { mesh, podSecurity } = environment;
  for (const name of ownNamespaces(environment)) {
    new k8s.KubeNamespace(chart, name, {
      metadata: {
        name,
        labels: {
          'app.kubernetes.io/part-of': 'sagamesh',
          'pod-security.kubernetes.io/enforce': podSecurity.enforce,
          'pod-security.kubernetes.io/warn': podSecurity.warn,
          ...(mesh && { 'istio-injection': 'enabled' }),
        },
      },
    });
  }
}

function addBaseline(chart: Chart, { environment }: Site): void {
  for (const namespace of ownNamespaces(environment)) {
    new k8s.KubeNetworkPolicy(chart, `default-deny-${namespace}`, {
      metadata: { name: 'default-deny', namespace },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    });
    if (!environment.mesh) continue;
    addObject(chart, strictMutualTls(namespace));
    addObject(chart, refuseAll(namespace));
    addObject(chart, knowNobody(namespace));
  }
}

function addOutside(chart: Chart, { environment, surroundings, images }: Site): void {
  for (const external of environment.externalHosts) {
    if (environment.mesh) new OutsideHost(chart, external.name, external);
  }
  if (environment.outside === undefined) return;
  const props = { environment, surroundings, images, resources: environment.outside.resources };
  addPaymentProvider(chart, props);
  addSinks(chart, props);
  if (!environment.mesh) return;
  addObject(chart, sentOnce('payment-provider', paymentTimeoutMillis + 2_000));
  addObject(chart, sentOnce('sms-sink', 7_000));
}

function addDatabases(chart: Chart, { environment, surroundings, images }: Site): void {
  if (environment.databases === undefined) return;
  for (const store of storeNames) {
    new PostgresDatabase(chart, store, {
      store,
      surroundings,
      image: images.postgres,
      sidecar: environment.resources.sidecar,
      ...environment.databases,
    });
  }
}

function addNats(chart: Chart, { environment, surroundings, images }: Site): void {
  new NatsCluster(chart, 'nats', {
    workload: presentWorkload('nats', surroundings),
    surroundings,
    environment,
    image: images.nats,
  });
}

function addOperator(chart: Chart, { environment, surroundings, images }: Site): void {
  const workload = workloadNamed('sagamesh-operator');
  new MeshService(chart, 'operator', {
    workload,
    surroundings,
    image: images.ours('operator'),
    ...operatorSettings(environment),
    probes: { port: 'http', ready: '/readyz', live: '/livez' },
    replicas: environment.operatorReplicas,
    resources: environment.resources.operator,
    sidecar: environment.resources.sidecar,
    // It stands with the RBAC, in manifests/operator.
    serviceAccount: false,
  });
  addObject(chart, leaseFlowSchema());
}

function addService(name: 'order' | 'inventory' | 'payment' | 'notification' | 'user'): Fill {
  return (chart, { environment, surroundings, images }) => {
    const { serviceReplicas, serviceReplicasMax } = environment;
    new MeshService(chart, name, {
      workload: workloadNamed(name),
      surroundings,
      image: images.ours(name),
      ...serviceSettings(name, environment),
      probes: { port: 'http', ready: '/readyz', live: '/livez' },
      replicas: serviceReplicas,
      ...(serviceReplicasMax !== undefined && { replicasMax: serviceReplicasMax }),
      resources: environment.resources.service,
      sidecar: environment.resources.sidecar,
    });
  };
}

function addGateway(chart: Chart, { environment, surroundings }: Site): void {
  if (environment.gateway === undefined) return;
  new Gateway(chart, 'gateway', {
    workload: workloadNamed('gateway'),
    surroundings,
    settings: environment.gateway,
    resources: environment.resources.gateway,
  });
}

function addMonitors(chart: Chart, { environment }: Site): void {
  if (!environment.serviceMonitors) return;
  for (const monitor of serviceMonitors()) addObject(chart, monitor);
}

function presentWorkload(name: Workload['name'], { among }: NetworkSurroundings): Workload {
  return among.find((workload) => workload.name === name) ?? workloadNamed(name);
}
