import type { IEnvoyFilter } from '@kubernetes-models/istio/networking.istio.io/v1alpha3/EnvoyFilter';

/** Pieces of Envoy's own configuration put into what istiod makes of the gateway: for what Istio has no words for. */

export interface GatewayPods {
  readonly namespace: string;
  readonly selector: Readonly<Record<string, string>>;
}

type Patch = NonNullable<NonNullable<IEnvoyFilter['spec']>['configPatches']>[number];

export const connectionManager = 'envoy.filters.network.http_connection_manager';

export function envoyFilter(name: string, props: GatewayPods, configPatches: Patch[]): IEnvoyFilter {
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace: props.namespace },
    // A stated order: filters of equal priority are applied by age.
    spec: { workloadSelector: { labels: { ...props.selector } }, priority: 10, configPatches },
  };
}

/** The fragments are deeply readonly; the types of the API are not. */
export function plain<T>(value: T): T {
  return structuredClone(value);
}
