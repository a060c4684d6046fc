import { k8s } from 'cdk8s-plus-27';
import type { ExternalHost } from './environment.ts';
import { calleesOf, namespaces, type Port, type Workload, type WorkloadName } from './topology.ts';

/** Which packets may reach a pod and leave it: the same callers and callees as in the mesh, one layer below it. */

export interface NetworkSurroundings {
  readonly mesh: boolean;
  /** The workloads of this environment. */
  readonly among: readonly Workload[];
  readonly externalHosts: readonly ExternalHost[];
}

/** Of the sidecar: its agent (rewritten probes, merged metrics), its health, Envoy's own metrics. */
const sidecarPorts = [15_020, 15_021, 15_090] as const;
const istiodPort = 15_012;
/** Behind the Service's port, which is 443, an API server mostly listens on this one, and policies see the address behind. */
const apiServerPorts = [443, 6443] as const;
const everywhere = '0.0.0.0/0';
const cloudMetadata = '169.254.169.254/32';
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'];

export function ingressRules(
  workload: Workload,
  { mesh, among }: NetworkSurroundings,
): k8s.NetworkPolicyIngressRule[] {
  const known = new Map(among.map((one) => [one.name, one]));
  const callers = workload.callers.flatMap(({ workload: name, ports }): k8s.NetworkPolicyIngressRule[] => {
    const caller = known.get(name);
    if (caller === undefined) return [];
    return [{ from: [peer(caller)], ports: tcp(numbersOf(workload.ports, ports)) }];
  });
  return [
    ...callers,
    ...(workload.component === 'gateway' ? [{ ports: tcp(workload.ports.map(({ number }) => number)) }] : []),
    ...(mesh ? [{ ports: tcp(sidecarPorts) }] : []),
  ];
}

export function egressRules(
  workload: Workload,
  { mesh, among, externalHosts }: NetworkSurroundings,
): k8s.NetworkPolicyEgressRule[] {
  return [
    {
      to: [{ namespaceSelector: namespaceNamed(namespaces.dns) }],
      ports: [
        { port: k8s.IntOrString.fromNumber(53), protocol: 'UDP' },
        { port: k8s.IntOrString.fromNumber(53), protocol: 'TCP' },
      ],
    },
    ...(mesh
      ? [
          {
            to: [
              {
                namespaceSelector: namespaceNamed(namespaces.istio),
                podSelector: { matchLabels: { app: 'istiod' } },
              },
            ],
            ports: tcp([istiodPort]),
          },
        ]
      : []),
    ...calleesOf(workload.name, among).map(({ callee, ports }) => ({
      to: [peer(callee)],
      ports: tcp(ports.map(({ number }) => number)),
    })),
    ...externalHosts
      .filter(({ caller }) => caller === workload.name)
      .map(({ port, network }) => ({
        // A policy knows addresses, not names; the names are in the mesh's scope.
        to: [
          {
            ipBlock: { cidr: everywhere, except: network === 'internet' ? privateRanges : [cloudMetadata] },
          },
        ],
        ports: tcp([port]),
      })),
    ...(workload.component === 'operator'
      ? [
          {
            to: [{ ipBlock: { cidr: everywhere, except: [cloudMetadata] } }],
            ports: tcp(apiServerPorts),
          },
        ]
      : []),
  ];
}

function peer({ name, namespace }: { readonly name: WorkloadName; readonly namespace: string }) {
  return { namespaceSelector: namespaceNamed(namespace), podSelector: { matchLabels: { app: name } } };
}

function namespaceNamed(name: string) {
  return { matchLabels: { 'kubernetes.io/metadata.name': name } };
}

function numbersOf(ports: readonly Port[], names: readonly string[]): readonly number[] {
  return ports.filter(({ name }) => names.includes(name)).map(({ number }) => number);
}

function tcp(numbers: readonly number[]): k8s.NetworkPolicyPort[] {
  return numbers.map((number) => ({ port: k8s.IntOrString.fromNumber(number), protocol: 'TCP' }));
}
