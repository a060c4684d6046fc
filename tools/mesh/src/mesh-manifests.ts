/** What the process site reads out of manifests: pods to start, and the endpoints that a cluster's controllers would write. Pure. */
import type { MeshObject } from './mesh-site.ts';
import { z } from 'zod';

const labelsSchema = z.record(z.string(), z.string());

const templateSchema = z.object({
  spec: z.object({
    template: z.object({
      metadata: z.object({ labels: labelsSchema }),
      spec: z.object({
        serviceAccountName: z.string(),
        containers: z.array(
          z.object({
            ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).default([]),
          }),
        ),
      }),
    }),
  }),
});

const serviceSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    selector: labelsSchema,
    ports: z.array(
      z.object({
        name: z.string(),
        port: z.number(),
        protocol: z.string().default('TCP'),
        targetPort: z.union([z.string(), z.number()]).exactOptional(),
        appProtocol: z.string().exactOptional(),
      }),
    ),
  }),
});

export interface PodPort {
  readonly name: string;
  readonly containerPort: number;
}

export interface PodPlan {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PodPort[];
  readonly address: string;
}

/** The pod of a Deployment or StatefulSet, as a controller, the scheduler and the injector would make it. */
export function podPlan(objects: readonly MeshObject[], workload: string, address: string): PodPlan {
  const owner = objects.find(
    ({ kind, metadata }) => /^(Deployment|StatefulSet)$/.test(kind) && metadata.name === workload,
  );
  if (owner === undefined) throw new Error(`the manifests have no Deployment or StatefulSet ${workload}`);
  const { metadata, spec } = templateSchema.parse(owner).spec.template;
  const labels: Record<string, string> = {
    ...metadata.labels,
    // Of the injector. Without the first one callers would send plain text.
    ...(workload === 'gateway' ? {} : { 'security.istio.io/tlsMode': 'istio' }),
    'service.istio.io/canonical-name': workload,
    'service.istio.io/canonical-revision': metadata.labels['version'] ?? 'latest',
  };
  return {
    name: workload,
    namespace: owner.metadata.namespace ?? 'default',
    serviceAccount: spec.serviceAccountName,
    labels,
    ports: spec.containers.flatMap(({ ports }) => ports),
    address,
  };
}

/** What istiod reads of a pod. */
export function podObject({ name, namespace, labels, serviceAccount, ports }: PodPlan): MeshObject {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      serviceAccountName: serviceAccount,
      automountServiceAccountToken: false,
      nodeName: 'mesh', // Nobody schedules it, and nobody looks for the node.
      containers: [{ name: 'app', image: 'app', ports }],
    },
  };
  return object;
}

/** What a kubelet would report. */
export function podStatus({ name, namespace, address }: PodPlan): MeshObject {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  };
  return object;
}

/** One for each Service that selects any of the pods. */
export function endpointSlices(
  objects: readonly MeshObject[],
  pods: readonly PodPlan[],
): readonly MeshObject[] {
  return objects
    .filter(({ kind }) => kind === 'Service')
    .flatMap((object) => {
      const { metadata, spec } = serviceSchema.parse(object);
      const selected = pods.filter(
        (pod) =>
          pod.namespace === metadata.namespace &&
          Object.entries(spec.selector).every(([key, value]) => pod.labels[key] === value),
      );
      const [first] = selected;
      if (first === undefined) return [];
      const slice = {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `${metadata.name}-mesh`,
          namespace: metadata.namespace,
          labels: { 'kubernetes.io/service-name': metadata.name },
        },
        addressType: 'IPv4',
        ports: spec.ports.map(({ name, port, protocol, targetPort = port, appProtocol }) => ({
          name,
          protocol,
          port: typeof targetPort === 'number' ? targetPort : portNumber(first, targetPort),
          ...(appProtocol === undefined ? {} : { appProtocol }),
        })),
        endpoints: selected.map((pod) => ({
          addresses: [pod.address],
          nodeName: 'mesh',
          targetRef: { kind: 'Pod', name: pod.name, namespace: pod.namespace },
          conditions: { ready: true, serving: true, terminating: false },
        })),
      };
      return [slice];
    });
}

function portNumber(pod: PodPlan, name: string): number {
  const port = pod.ports.find((port) => port.name === name);
  if (port === undefined) throw new Error(`the pod of ${pod.name} has no port ${name}`);
  return port.containerPort;
}
