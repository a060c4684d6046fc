import { z } from 'zod';
import type { KubeObject } from '../kube-object.ts';

/** Typed looks at manifests, for the properties: what these schemas do not describe is left as it is. */

const labels = z.record(z.string(), z.string());
const selector = z.object({ matchLabels: labels }).optional();
const portNumber = z.union([z.number(), z.string()]);

const probe = z.looseObject({
  httpGet: z.looseObject({ path: z.string(), port: portNumber }).optional(),
  exec: z.looseObject({}).optional(),
});

const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  imagePullPolicy: z.string().optional(),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() })).default([]),
  env: z
    .array(
      z.looseObject({
        name: z.string(),
        value: z.string().optional(),
        valueFrom: z
          .looseObject({ secretKeyRef: z.looseObject({ name: z.string(), key: z.string() }).optional() })
          .optional(),
      }),
    )
    .default([]),
  resources: z.looseObject({ requests: labels.optional(), limits: labels.optional() }).optional(),
  securityContext: z
    .looseObject({
      allowPrivilegeEscalation: z.boolean().optional(),
      privileged: z.boolean().optional(),
      readOnlyRootFilesystem: z.boolean().optional(),
      runAsNonRoot: z.boolean().optional(),
      runAsUser: z.number().optional(),
      capabilities: z
        .looseObject({ drop: z.array(z.string()).default([]), add: z.array(z.string()).default([]) })
        .optional(),
    })
    .optional(),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
});

const podTemplate = z.looseObject({
  metadata: z.looseObject({ labels: labels.default({}), annotations: labels.default({}) }),
  spec: z.looseObject({
    serviceAccountName: z.string().optional(),
    automountServiceAccountToken: z.boolean().optional(),
    hostNetwork: z.boolean().optional(),
    hostPID: z.boolean().optional(),
    hostIPC: z.boolean().optional(),
    securityContext: z
      .looseObject({
        runAsNonRoot: z.boolean().optional(),
        runAsUser: z.number().optional(),
        seccompProfile: z.looseObject({ type: z.string() }).optional(),
      })
      .optional(),
    containers: z.array(container),
    initContainers: z.array(container).default([]),
    volumes: z.array(z.looseObject({ name: z.string() })).default([]),
  }),
});

const controllerSpec = z.looseObject({ replicas: z.number().optional(), selector, template: podTemplate });
const controllerKinds = ['Deployment', 'StatefulSet'];

export interface Controller {
  readonly object: KubeObject;
  readonly replicas: number | undefined;
  readonly selector: Readonly<Record<string, string>>;
  readonly template: z.infer<typeof podTemplate>;
}

export function controllersOf(objects: readonly KubeObject[]): readonly Controller[] {
  return objects
    .filter(({ kind }) => controllerKinds.includes(kind))
    .map((object) => {
      const { replicas, selector, template } = controllerSpec.parse(object.spec);
      return { object, replicas, selector: selector?.matchLabels ?? {}, template };
    });
}

const serviceSpec = z.looseObject({
  clusterIP: z.string().optional(),
  selector: labels,
  ports: z.array(z.looseObject({ name: z.string().optional(), port: z.number(), targetPort: portNumber })),
});
export function servicesOf(objects: readonly KubeObject[]) {
  return ofKind(objects, 'Service').map((object) => ({ object, ...serviceSpec.parse(object.spec) }));
}

const peer = z.looseObject({
  namespaceSelector: z.object({ matchLabels: labels.optional() }).optional(),
  podSelector: z.object({ matchLabels: labels.optional() }).optional(),
  ipBlock: z.looseObject({ cidr: z.string() }).optional(),
});
const policyPorts = z.array(z.object({ port: portNumber, protocol: z.string().optional() })).optional();
const networkPolicySpec = z.looseObject({
  podSelector: z.object({ matchLabels: labels.optional() }),
  policyTypes: z.array(z.string()),
  ingress: z.array(z.object({ from: z.array(peer).optional(), ports: policyPorts })).default([]),
  egress: z.array(z.object({ to: z.array(peer).optional(), ports: policyPorts })).default([]),
});
export function networkPoliciesOf(objects: readonly KubeObject[]) {
  return ofKind(objects, 'NetworkPolicy').map((object) => ({
    object,
    ...networkPolicySpec.parse(object.spec),
  }));
}

const authorizationSpec = z.looseObject({
  action: z.string().optional(),
  selector,
  rules: z
    .array(
      z.looseObject({
        from: z
          .array(
            z.object({
              source: z.looseObject({
                serviceAccounts: z.array(z.string()).optional(),
                requestPrincipals: z.array(z.string()).optional(),
              }),
            }),
          )
          .optional(),
        to: z
          .array(
            z.object({
              operation: z.looseObject({
                methods: z.array(z.string()).optional(),
                paths: z.array(z.string()).optional(),
                ports: z.array(z.string()).optional(),
              }),
            }),
          )
          .optional(),
      }),
    )
    .optional(),
});
export function authorizationsOf(objects: readonly KubeObject[]) {
  return ofKind(objects, 'AuthorizationPolicy').map((object) => ({
    object,
    ...authorizationSpec.parse(object.spec),
  }));
}

const sidecarSpec = z.looseObject({
  workloadSelector: z.object({ labels }).optional(),
  outboundTrafficPolicy: z.object({ mode: z.string() }).optional(),
  egress: z.array(z.object({ hosts: z.array(z.string()) })),
});
export function sidecarsOf(objects: readonly KubeObject[]) {
  return ofKind(objects, 'Sidecar').map((object) => ({ object, ...sidecarSpec.parse(object.spec) }));
}

const destinationRuleSpec = z.looseObject({
  host: z.string(),
  trafficPolicy: z
    .looseObject({
      connectionPool: z
        .looseObject({
          tcp: z.looseObject({ maxConnections: z.number() }).optional(),
          http: z.looseObject({ http1MaxPendingRequests: z.number() }).optional(),
        })
        .optional(),
      outlierDetection: z
        .looseObject({
          consecutive5xxErrors: z.number(),
          consecutiveLocalOriginFailures: z.number(),
          maxEjectionPercent: z.number(),
        })
        .optional(),
    })
    .optional(),
});
export function destinationRulesOf(objects: readonly KubeObject[]) {
  return ofKind(objects, 'DestinationRule').map((object) => ({
    object,
    ...destinationRuleSpec.parse(object.spec),
  }));
}

const virtualServiceSpec = z.looseObject({
  http: z.array(
    z.looseObject({
      name: z.string().optional(),
      timeout: z.string().optional(),
      retries: z.looseObject({ attempts: z.number() }).optional(),
      match: z
        .array(z.looseObject({ method: z.looseObject({ exact: z.string().optional() }).optional() }))
        .optional(),
      route: z.array(z.object({ destination: z.looseObject({ host: z.string() }) })),
    }),
  ),
});
export function routesOf(objects: readonly KubeObject[]) {
  return ofKind(objects, 'VirtualService').flatMap((object) =>
    virtualServiceSpec.parse(object.spec).http.map((route) => ({ object, route })),
  );
}

const serviceEntrySpec = z.looseObject({
  hosts: z.array(z.string()),
  ports: z.array(z.looseObject({ number: z.number(), protocol: z.string() })),
});
/** Hosts outside of the cluster, once for each port. */
export function outsideHostsOf(objects: readonly KubeObject[]) {
  return ofKind(objects, 'ServiceEntry').flatMap(({ metadata, spec }) => {
    const { hosts, ports } = serviceEntrySpec.parse(spec);
    return hosts.flatMap((host) => ports.map((port) => ({ ...port, host, namespace: metadata.namespace })));
  });
}

const selectingSpec = z.looseObject({
  selector: z.looseObject({ matchLabels: labels.optional() }).optional(),
  workloadSelector: z.looseObject({ labels: labels.optional() }).optional(),
  podSelector: z.looseObject({ matchLabels: labels.optional() }).optional(),
});
/** The pods that a policy or controller means; Services say it differently. */
export function podSelectorOf({ spec }: KubeObject): Readonly<Record<string, string>> | undefined {
  const found = selectingSpec.safeParse(spec).data;
  return found?.selector?.matchLabels ?? found?.workloadSelector?.labels ?? found?.podSelector?.matchLabels;
}

export function ofKind(objects: readonly KubeObject[], kind: string): readonly KubeObject[] {
  return objects.filter((object) => object.kind === kind);
}

export function nameOf({ kind, metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** Whether pods with these labels are among those that a selector means. */
export function selects(
  selector: Readonly<Record<string, string>>,
  podLabels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => podLabels[key] === value);
}
