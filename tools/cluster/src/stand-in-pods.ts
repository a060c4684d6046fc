import type { KubeObject } from '@sagamesh/charts/kube-object';
import { z } from 'zod';

/**
 * Pods that stand in for real ones: same namespace, labels, ServiceAccount, ports and sidecar, so that Services select them and the mesh takes
 * them for what they stand for; only the app is another. Pure.
 */

const ownerSchema = z.object({
  spec: z.object({
    template: z.object({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        serviceAccountName: z.string(),
        securityContext: z.unknown().optional(),
        containers: z.array(
          z.looseObject({
            ports: z.array(z.looseObject({ name: z.string(), containerPort: z.number() })),
            resources: z.unknown().optional(),
            securityContext: z.unknown().optional(),
          }),
        ),
      }),
    }),
  }),
});

export const controlPort = 9_999;
export const scriptConfigMap = 'stand-in';
export const openNetworkName = 'stand-in-open-network';
const httpPort = 3_000;

export function isOwnerOf(workload: string): (object: KubeObject) => boolean {
  return ({ kind, metadata }) =>
    (kind === 'Deployment' || kind === 'StatefulSet') && metadata.name === workload;
}

export function standInName(workload: string): string {
  return `stand-in-${workload}`;
}

/** `image`: any with Node on PATH. */
export function standInPod(objects: readonly KubeObject[], workload: string, image: string): KubeObject {
  const owner = objects.find(isOwnerOf(workload));
  if (owner === undefined) throw new Error(`the manifests have no Deployment or StatefulSet ${workload}`);
  const { metadata, spec } = ownerSchema.parse(owner).spec.template;
  const [container] = spec.containers;
  const ports = container?.ports ?? [];
  const tcp = ports.map(({ containerPort }) => containerPort).filter((port) => port !== httpPort);
  const env = {
    STAND_IN_CONTROL: String(controlPort),
    STAND_IN_TCP_PORTS: tcp.join(','),
    ...(tcp.length < ports.length ? { STAND_IN_HTTP_PORT: String(httpPort) } : {}),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: standInName(workload), namespace: owner.metadata.namespace ?? 'default' },
    spec: {
      serviceAccountName: spec.serviceAccountName,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      securityContext: spec.securityContext,
      containers: [
        {
          name: 'app',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '/stand-in/stand-in.mjs'],
          env: Object.entries(env).map(([name, value]) => ({ name, value })),
          ports,
          resources: container?.resources,
          securityContext: container?.securityContext,
          volumeMounts: [{ name: 'script', mountPath: '/stand-in', readOnly: true }],
        },
      ],
      volumes: [{ name: 'script', configMap: { name: scriptConfigMap } }],
    },
  };
}

/** Open to all: what refuses a call is the mesh then, also where the network would refuse it before. */
export function openNetwork(namespace: string): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: openNetworkName, namespace },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] },
  };
}
