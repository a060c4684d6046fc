import { localRateLimitFilter } from '@sagamesh/gateway/rate-limit';
import { Construct } from 'constructs';
import { connectionManager, envoyFilter, plain, type GatewayPods } from '../envoy-filter.ts';
import { addObject } from '../kube-object.ts';

const router = 'envoy.filters.http.router';

/** How often an API may be called, per gateway process. Behind authentication: who is refused there takes nothing from the others. */
export class RateLimit extends Construct {
  constructor(scope: Construct, id: string, props: GatewayPods) {
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
