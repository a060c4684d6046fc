import type { Environment, ExternalHost } from './environment.ts';
import { presentWorkloads } from './present-workloads.ts';
import { calleesScope } from './mesh-rules.ts';
import type { ServiceName } from './topology.ts';

/**
 * Lets an overlay say each host once: a kustomize component that copies it from the ConfigMap `hosts` of the overlay to wherever it stands in the
 * manifests of an environment.
 */

const apiKey = 'api';
const mailFromKey = 'mail-from';

/** What the overlay's ConfigMap must say, with the values that the manifests have. */
export function hostKeys({
  gateway,
  externalHosts,
  mailFrom,
}: Environment): Readonly<Record<string, string>> {
  const outside = externalHosts.map(({ name, host }) => [name, host] as const);
  return Object.fromEntries([[apiKey, gateway?.hosts[0] ?? ''], ...outside, [mailFromKey, mailFrom]]);
}

export function hostReplacements(environment: Environment): object {
  const { externalHosts } = environment;
  return {
    apiVersion: 'kustomize.config.k8s.io/v1alpha1',
    kind: 'Component',
    replacements: [
      replacement(apiKey, [
        target('Gateway', 'public', ['spec.servers.*.hosts.0']),
        { select: { group: 'networking.istio.io', kind: 'VirtualService' }, fieldPaths: ['spec.hosts.0'] },
      ]),
      ...externalHosts.map((external) => {
        const { name, caller } = external;
        return replacement(name, [
          target('ServiceEntry', name, ['spec.hosts.0']),
          target('DestinationRule', name, ['spec.host']),
          {
            // `shop/<host>`
            ...target('Sidecar', caller, [`spec.egress.0.hosts.${placeInScope(external, environment)}`]),
            options: { delimiter: '/', index: 1 },
          },
          ...addressesOf(external, environment),
        ]);
      }),
      replacement(mailFromKey, [
        {
          select: { kind: 'Deployment', name: 'notification' },
          fieldPaths: [variable('notification', 'MAIL_FROM')],
        },
      ]),
    ],
  };
}

function replacement(key: string, targets: readonly object[]): object {
  return { source: { kind: 'ConfigMap', name: 'hosts', fieldPath: `data.${key}` }, targets };
}

function target(kind: string, name: string, fieldPaths: readonly string[]) {
  return { select: { group: 'networking.istio.io', kind, name }, fieldPaths };
}

/** Where a process is told the host: the payment provider's, as `https://<host>`. All others are told by Secrets. */
function addressesOf({ caller, host }: ExternalHost, { paymentProviderUrl }: Environment): readonly object[] {
  if (caller !== 'payment' || new URL(paymentProviderUrl).host !== host) return [];
  return [
    {
      select: { kind: 'Deployment', name: caller },
      fieldPaths: [variable(caller, 'PAYMENT_PROVIDER_URL')],
      options: { delimiter: '/', index: 2 },
    },
  ];
}

function variable(container: ServiceName, name: string): string {
  return `spec.template.spec.containers.[name=${container}].env.[name=${name}].value`;
}

function placeInScope({ host, caller }: ExternalHost, environment: Environment): number {
  const among = presentWorkloads(environment);
  const workload = among.find(({ name }) => name === caller);
  if (workload === undefined) throw new Error(`the environment has no workload ${caller}`);
  const hosts = calleesScope(workload, among, environment.externalHosts).spec?.egress?.[0]?.hosts ?? [];
  return hosts.indexOf(`${workload.namespace}/${host}`);
}
