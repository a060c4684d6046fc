import type { ISidecar } from '@kubernetes-models/istio/networking.istio.io/v1/Sidecar';
import type { IAuthorizationPolicy } from '@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy';
import { gatewayRoutes } from '@sagamesh/gateway/routes';
import type { ExternalHost } from './environment.ts';
import {
  calleesOf,
  hostOf,
  namespaces,
  natsPeersService,
  workloadNamed,
  type Caller,
  type Workload,
} from './topology.ts';

/** What the mesh lets in and out of one workload. */

type Rule = NonNullable<NonNullable<IAuthorizationPolicy['spec']>['rules']>[number];
type Operation = NonNullable<NonNullable<Rule['to']>[number]['operation']>;

/** Nobody but the callers, and each only at its ports. Without callers the policy stands there with no rule, and so allows nobody. */
export function callersPolicy(workload: Workload, among: readonly Workload[]): IAuthorizationPolicy {
  const { name, namespace } = workload;
  const present = new Set(among.map((one) => one.name));
  const rules = workload.callers
    .filter((caller) => present.has(caller.workload))
    .map((caller): Rule => {
      const from = workloadNamed(caller.workload);
      return {
        from: [{ source: { serviceAccounts: [`${from.namespace}/${from.name}`] } }],
        to: operationsOf(workload, caller).map((operation) => ({ operation })),
      };
    });
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace },
    spec: { selector: { matchLabels: { app: name } }, ...(rules.length > 0 && { rules }) },
  };
}

/** Of a byte stream only the port: a rule that speaks of HTTP never fits one. */
function operationsOf(workload: Workload, caller: Caller): readonly Operation[] {
  const ports = workload.ports
    .filter(({ name }) => caller.ports.includes(name))
    .map(({ number }) => String(number));
  if (caller.workload !== 'gateway') return [{ ports }];
  return gatewayRoutes
    .filter((route) => route.service === workload.name)
    .map((route) => ({ ports, methods: [...route.methods], paths: pathsOf(route.path) }));
}

/** `/a/b` and everything below it, but not `/a/bc`. */
export function pathsOf(path: (typeof gatewayRoutes)[number]['path']): string[] {
  return 'exact' in path ? [path.exact] : [path.prefix, `${path.prefix}/*`];
}

/** What a workload's Envoy knows of the world: its callees. Anything else has no address there. */
export function calleesScope(
  workload: Workload,
  among: readonly Workload[],
  externalHosts: readonly ExternalHost[],
): ISidecar {
  const { name, namespace } = workload;
  const callees = calleesOf(name, among).map(
    ({ callee }) => `${callee.namespace}/${hostOf(callee.name === name ? peersOf(callee) : callee)}`,
  );
  const outside = externalHosts
    .filter(({ caller }) => caller === name)
    .map(({ host }) => `${namespace}/${host}`);
  const apiServer = workload.component === 'operator' ? ['default/kubernetes.default.svc.cluster.local'] : [];
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name, namespace },
    spec: {
      workloadSelector: { labels: { app: name } },
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [{ hosts: [...callees, ...outside, ...apiServer, `${namespaces.istio}/*`] }],
    },
  };
}

/** A server calls its peers one by one, not whichever the Service picks. */
function peersOf({ namespace }: Workload) {
  return { name: natsPeersService, namespace };
}
