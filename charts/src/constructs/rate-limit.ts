import type { IEnvoyFilter } from '@kubernetes-models/istio/networking.istio.io/v1alpha3/EnvoyFilter';
import { correlationFilter } from '@sagamesh/gateway/correlation';
import { localReplyConfig } from '@sagamesh/gateway/local-replies';
import { localRateLimitFilter } from '@sagamesh/gateway/rate-limit';
import { Construct } from 'constructs';
import { addObject } from '../kube-object.ts';

export interface RateLimitProps {
  readonly namespace: string;
  readonly selector: Readonly<Record<string, string>>;
}

type Patch = NonNullable<NonNullable<IEnvoyFilter['spec']>['configPatches']>[number];

const connectionManager = 'envoy.filters.network.http_connection_manager';
const router = 'envoy.filters.http.router';

/** How often an API may be called, per gateway process. Behind authentication: who is refused there takes nothing from the others. */
export class RateLimit extends Construct {
  constructor(scope: Construct, id: string, props: RateLimitProps) {
    super(scope, id);
    addObject(
      this,
      envoyFilter('rate-limit', props, [
        {
          applyTo: 'HTTP_FILTER',
          match: {
            context: 'GATEWAY',
            listener: { filterChain: { filter: { name: connectionManager, subFilter: { name: router } } } },
          },
          patch: { operation: 'INSERT_BEFORE', value: plain(localRateLimitFilter()) },
        },
      ]),
    );
  }
}

/** One id for all that a request causes, and answers of Envoy's own that read like those of the services. */
export class GatewayManners extends Construct {
  constructor(scope: Construct, id: string, props: RateLimitProps) {
    super(scope, id);
    const listener = { filterChain: { filter: { name: connectionManager } } };
    addObject(
      this,
      envoyFilter('correlation-id', props, [
        {
          applyTo: 'HTTP_FILTER',
          match: { context: 'GATEWAY', listener },
          patch: { operation: 'INSERT_FIRST', value: plain(correlationFilter()) },
        },
      ]),
    );
    addObject(
      this,
      envoyFilter('local-replies', props, [
        {
          applyTo: 'NETWORK_FILTER',
          match: { context: 'GATEWAY', listener },
          patch: {
            operation: 'MERGE',
            value: {
              typed_config: {
                '@type':
                  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                local_reply_config: plain(localReplyConfig()),
              },
            },
          },
        },
      ]),
    );
  }
}

function envoyFilter(name: string, props: RateLimitProps, configPatches: Patch[]): IEnvoyFilter {
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace: props.namespace },
    // A stated order: filters of equal priority are applied by age.
    spec: { workloadSelector: { labels: { ...props.selector } }, priority: 10, configPatches },
  };
}

/** The fragments are deeply readonly; the types of the API are not. */
function plain<T>(value: T): T {
  return structuredClone(value);
}
