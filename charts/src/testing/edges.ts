import type { Environment } from '../environment.ts';
import type { KubeObject } from '../kube-object.ts';
import { presentWorkloads } from '../present-workloads.ts';
import { hostOf, natsPeersService } from '../topology.ts';
import { authorizationsOf, networkPoliciesOf, sidecarsOf } from './manifest-view.ts';

/** Who may call whom, read back out of each kind of policy as lines `shop/order -> shop/nats:4222`, so that they can be compared. */

type Edges = readonly string[];

const edge = (from: string, to: string, port: number | string) => `${from} -> ${to}:${port}`;

export function edgesOfTopology(environment: Environment): Edges {
  const among = presentWorkloads(environment);
  const byName = new Map(among.map((workload) => [workload.name, workload]));
  return among.flatMap((callee) =>
    callee.callers.flatMap((caller) => {
      const from = byName.get(caller.workload);
      if (from === undefined) return [];
      const numbers = callee.ports.filter(({ name }) => caller.ports.includes(name));
      return numbers.map(({ number }) =>
        edge(`${from.namespace}/${from.name}`, `${callee.namespace}/${callee.name}`, number),
      );
    }),
  );
}

/** Policies of the gateway speak of tokens and paths, not of callers. A rule without callers is an edge from anybody. */
export function edgesOfAuthorization(objects: readonly KubeObject[]): Edges {
  return authorizationsOf(objects).flatMap(({ object, selector, rules = [] }) => {
    const app = selector?.matchLabels['app'];
    if (app === undefined || app === 'gateway') return [];
    return rules.flatMap(({ from, to }) => {
      const accounts = from?.flatMap(({ source }) => source.serviceAccounts ?? ['anybody']) ?? ['anybody'];
      const numbers = to?.flatMap(({ operation }) => operation.ports ?? ['any']) ?? ['any'];
      return accounts.flatMap((account) =>
        [...new Set(numbers)].map((port) => edge(account, `${object.metadata.namespace}/${app}`, port)),
      );
    });
  });
}

type Policy = ReturnType<typeof networkPoliciesOf>[number];
type Peer = NonNullable<Policy['ingress'][number]['from']>[number];
type Ports = Policy['ingress'][number]['ports'];

/** `shop/order`; `shop/*` for a whole namespace; an address range as it is. */
function whoIs({ namespaceSelector, podSelector, ipBlock }: Peer, policy: Policy): string {
  if (ipBlock !== undefined) return ipBlock.cidr;
  const namespace =
    namespaceSelector === undefined
      ? policy.object.metadata.namespace
      : (namespaceSelector.matchLabels?.['kubernetes.io/metadata.name'] ?? '*');
  return `${namespace}/${podSelector?.matchLabels?.['app'] ?? '*'}`;
}

const numbersOf = (ports: Ports): readonly (number | string)[] => ports?.map(({ port }) => port) ?? ['any'];

/** Rules for everybody are looked at elsewhere. */
export function edgesOfIngress(objects: readonly KubeObject[]): Edges {
  return networkPoliciesOf(objects).flatMap((policy) => {
    const to = `${policy.object.metadata.namespace}/${policy.podSelector.matchLabels?.['app']}`;
    return policy.ingress.flatMap(({ from = [], ports }) =>
      from.flatMap((peer) => numbersOf(ports).map((port) => edge(whoIs(peer, policy), to, port))),
    );
  });
}

/** All ways out, also those that lead out of the cluster. */
export function edgesOfEgress(objects: readonly KubeObject[]): Edges {
  return networkPoliciesOf(objects).flatMap((policy) => {
    const from = `${policy.object.metadata.namespace}/${policy.podSelector.matchLabels?.['app']}`;
    return policy.egress.flatMap(({ to, ports }) =>
      (to?.map((peer) => whoIs(peer, policy)) ?? ['anybody']).flatMap((callee) =>
        numbersOf(ports).map((port) => edge(from, callee, port)),
      ),
    );
  });
}

/** Beside its callees: DNS, istiod, the hosts outside that it may call, and for the operator the API server. */
export function commonWaysOut(environment: Environment): Edges {
  return presentWorkloads(environment).flatMap(({ name, namespace, component }) => {
    const outside = environment.externalHosts.filter(({ caller }) => caller === name);
    const ways: readonly (readonly [to: string, port: number])[] = [
      ['kube-system/*', 53],
      ...(environment.mesh ? [['istio-system/istiod', 15_012] as const] : []),
      ...outside.map(({ port }) => [anywhere, port] as const),
      ...(component === 'operator'
        ? ([
            [anywhere, 443],
            [anywhere, 6_443],
          ] as const)
        : []),
    ];
    return ways.map(([to, port]) => edge(`${namespace}/${name}`, to, port));
  });
}

const anywhere = '0.0.0.0/0';

/** `shop/order -> shop/nats.shop.svc.cluster.local`: what each workload's Envoy must know, and nothing else. */
export function scopesOfTopology(environment: Environment): Edges {
  const among = presentWorkloads(environment).filter(({ component }) => component !== 'gateway');
  return among.flatMap((workload) => {
    const callees = among
      .filter((callee) => callee.callers.some((caller) => caller.workload === workload.name))
      .map((callee) => {
        const name = callee.name === workload.name ? natsPeersService : callee.name;
        return `${callee.namespace}/${hostOf({ name, namespace: callee.namespace })}`;
      });
    const outside = environment.externalHosts
      .filter(({ caller }) => caller === workload.name)
      .map(({ host }) => `${workload.namespace}/${host}`);
    const apiServer =
      workload.component === 'operator' ? ['default/kubernetes.default.svc.cluster.local'] : [];
    return [...callees, ...outside, ...apiServer, 'istio-system/*'].map(
      (host) => `${workload.namespace}/${workload.name} -> ${host}`,
    );
  });
}

export function scopesOfSidecars(objects: readonly KubeObject[]): Edges {
  return sidecarsOf(objects).flatMap(({ object, workloadSelector, egress }) => {
    const app = workloadSelector?.labels['app'];
    if (app === undefined) return [];
    return egress
      .flatMap(({ hosts }) => hosts)
      .map((host) => `${object.metadata.namespace}/${app} -> ${host}`);
  });
}

/** What one list has and the other has not, in words. */
export function differencesOf(wanted: Edges, found: Edges, where: string): readonly string[] {
  const wantedSet = new Set(wanted);
  const foundSet = new Set(found);
  return [
    ...wanted.filter((one) => !foundSet.has(one)).map((one) => `${where}: ${one} is missing`),
    ...found.filter((one) => !wantedSet.has(one)).map((one) => `${where}: ${one} is too much`),
  ];
}
