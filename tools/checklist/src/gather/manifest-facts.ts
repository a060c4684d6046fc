import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type {
  CallerFact,
  LimitFact,
  ManifestFacts,
  RouteFact,
  TokenRuleFact,
  WorkloadFact,
} from '../facts.ts';
import * as shapes from './kube-shapes.ts';

/** What the manifests of one environment say: from plain objects, so that a broken one can be tried. */

const kindSchema = z.object({ kind: z.string() });
type Objects = readonly unknown[];

/** The YAML files of a folder, but not what only names them. */
export function readManifests(folder: string): Objects {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
    .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
    .map((document): unknown => document.toJS())
    .filter((object) => object !== null);
}

export function manifestFacts(environment: string, objects: Objects): ManifestFacts {
  const ofKind = (...kinds: readonly string[]) =>
    objects.filter((object) => kinds.includes(kindSchema.safeParse(object).data?.kind ?? ''));
  const policies = z.array(shapes.authorizationPolicySchema).parse(ofKind('AuthorizationPolicy'));
  return {
    environment,
    objects: objects.length,
    workloads: z
      .array(shapes.workloadSchema)
      .parse(ofKind('Deployment', 'StatefulSet'))
      .map((workload) => workloadFact(workload)),
    ports: z
      .array(shapes.serviceSchema)
      .parse(ofKind('Service'))
      .flatMap(({ metadata, spec }) =>
        spec.ports.map(({ name }) => ({ service: metadata.name, port: name })),
      ),
    breakers: z
      .array(shapes.destinationRuleSchema)
      .parse(ofKind('DestinationRule'))
      .map(({ spec }) => breakerFact(spec)),
    outsideHosts: z
      .array(shapes.serviceEntrySchema)
      .parse(ofKind('ServiceEntry'))
      .flatMap(({ spec }) => spec.hosts),
    callers: [
      ...policies.flatMap((policy) => meshCallers(policy)),
      ...z
        .array(shapes.networkPolicySchema)
        .parse(ofKind('NetworkPolicy'))
        .flatMap((policy) => networkCallers(policy)),
    ],
    routes: z
      .array(shapes.virtualServiceSchema)
      .parse(ofKind('VirtualService'))
      .filter(({ spec }) => spec.gateways.some((gateway) => gateway !== 'mesh'))
      .flatMap(({ spec }) => spec.http.map((route) => routeFact(route))),
    limits: ofKind('EnvoyFilter').flatMap((filter) => limitsIn(filter)),
    tokenRules: policies
      .filter(({ spec }) => appOf(spec.selector) === 'gateway')
      .flatMap((policy) => tokenRules(policy)),
    budgets: z
      .array(shapes.budgetSchema)
      .parse(ofKind('PodDisruptionBudget'))
      .map(({ spec }) => appOf(spec.selector) ?? ''),
    autoscaled: z
      .array(shapes.autoscalerSchema)
      .parse(ofKind('HorizontalPodAutoscaler'))
      .map(({ spec }) => spec.scaleTargetRef.name),
  };
}

function appOf(
  selector: { readonly matchLabels: Readonly<Record<string, string>> } | undefined,
): string | undefined {
  return selector?.matchLabels['app'];
}

function workloadFact({ kind, spec }: z.infer<typeof shapes.workloadSchema>): WorkloadFact {
  const { template, replicas, strategy } = spec;
  const { containers, initContainers, serviceAccountName } = template.spec;
  const [main] = containers;
  return {
    app: template.metadata.labels['app'] ?? '',
    kind,
    replicas: replicas ?? null,
    image: main?.image ?? '',
    serviceAccount: serviceAccountName,
    variables: (main?.env ?? []).map(({ name, value, valueFrom }) => {
      const secret = valueFrom?.secretKeyRef;
      return {
        name,
        value: value ?? null,
        secret: secret === undefined ? null : `${secret.name}/${secret.key}`,
      };
    }),
    probes: (['startup', 'readiness', 'liveness'] as const).filter(
      (probe) => main?.[`${probe}Probe`] !== undefined,
    ),
    containers: containers.length + initContainers.length,
    rolling: kind === 'StatefulSet' || (strategy?.type ?? 'RollingUpdate') === 'RollingUpdate',
  };
}

function breakerFact({ host, trafficPolicy }: z.infer<typeof shapes.destinationRuleSchema>['spec']) {
  const { connectionPool, outlierDetection } = trafficPolicy;
  const ejection = outlierDetection?.baseEjectionTime;
  return {
    host,
    connectionsMax: connectionPool?.tcp?.maxConnections ?? null,
    pendingMax: connectionPool?.http?.http1MaxPendingRequests ?? null,
    errorsMax: outlierDetection?.consecutive5xxErrors ?? null,
    ejectionSeconds: ejection === undefined ? null : secondsOf(ejection),
    ejectedPercentMax: outlierDetection?.maxEjectionPercent ?? null,
  };
}

/** `10000ms`, `30s`, `1m`, `1h`; NaN for anything else. */
export function secondsOf(duration: string): number {
  const match = /^([\d.]+)(ms|s|m|h)$/.exec(duration);
  const unit = { ms: 0.001, s: 1, m: 60, h: 3_600 }[match?.[2] ?? ''] ?? Number.NaN;
  return Number(match?.[1]) * unit;
}

function meshCallers({ spec }: z.infer<typeof shapes.authorizationPolicySchema>): readonly CallerFact[] {
  const callee = appOf(spec.selector);
  // Rules about users and not about workloads are the gateway's.
  const rules = spec.rules.filter(
    ({ from }) => from === undefined || from.some(({ source }) => source.requestPrincipals.length === 0),
  );
  if (callee === undefined || callee === 'gateway' || spec.action !== 'ALLOW') return [];
  const from = rules.flatMap(({ from }) =>
    from === undefined
      ? ['*']
      : from.flatMap(({ source }) =>
          source.serviceAccounts.map((account) => account.split('/').at(-1) ?? ''),
        ),
  );
  return [{ policy: 'AuthorizationPolicy', callee, from: [...new Set(from)] }];
}

/** Health and metrics of the sidecar: the kubelet and Prometheus come from anywhere, and the application is not behind these. */
const sidecarPorts: readonly unknown[] = [15020, 15021, 15090];

function networkCallers({ spec }: z.infer<typeof shapes.networkPolicySchema>): readonly CallerFact[] {
  const callee = appOf(spec.podSelector);
  if (callee === undefined) return [];
  const rules = spec.ingress.filter(
    ({ ports }) => ports.length === 0 || ports.some(({ port }) => !sidecarPorts.includes(port)),
  );
  const from = rules.flatMap(({ from }) =>
    from === undefined ? ['*'] : from.map(({ podSelector }) => appOf(podSelector) ?? '*'),
  );
  return [{ policy: 'NetworkPolicy', callee, from: [...new Set(from)] }];
}

type HttpRoute = z.infer<typeof shapes.virtualServiceSchema>['spec']['http'][number];

function routeFact({ name, match, route, timeout, retries }: HttpRoute): RouteFact {
  const paths = match.flatMap(({ uri }) =>
    uri?.exact === undefined ? (uri?.prefix === undefined ? [] : [`${uri.prefix}*`]) : [uri.exact],
  );
  return {
    name,
    paths: [...new Set(paths)],
    methods: [...new Set(match.flatMap(({ method }) => method?.exact ?? []))],
    destination: route[0]?.destination.host.split('.')[0] ?? '',
    timeoutSeconds: timeout === undefined ? null : secondsOf(timeout),
    attempts: retries?.attempts ?? null,
  };
}

function tokenRules({ spec }: z.infer<typeof shapes.authorizationPolicySchema>): readonly TokenRuleFact[] {
  return spec.rules.flatMap(({ from, to }) => {
    const needsToken = from?.every(({ source }) => source.requestPrincipals.length > 0) ?? false;
    const operations = to.length === 0 ? [{ paths: [], methods: [] }] : to.map(({ operation }) => operation);
    return operations.map(({ paths, methods }) => ({ action: spec.action, paths, methods, needsToken }));
  });
}

/** An EnvoyFilter's patch is Envoy's own configuration: the limits are looked for at any depth. */
function limitsIn(value: unknown): readonly LimitFact[] {
  const found = shapes.limitSchema.safeParse(value);
  if (found.success) {
    const { entries, token_bucket: bucket } = found.data;
    return entries.map(({ value }) => ({
      name: value,
      requests: bucket.max_tokens,
      seconds: secondsOf(bucket.fill_interval),
    }));
  }
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap((part) => limitsIn(part))
    : [];
}
