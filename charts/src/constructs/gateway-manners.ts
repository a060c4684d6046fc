import { connectionManagerSettings } from '@sagamesh/gateway/connection-manager';
import { correlationFilter } from '@sagamesh/gateway/correlation';
import { Construct } from 'constructs';
import { connectionManager, envoyFilter, plain, type GatewayPods } from '../envoy-filter.ts';
import { addObject } from '../kube-object.ts';

/** One spelling of each path, one id for all that a request causes, and answers of Envoy's own that read like those of the services. */
export class GatewayManners extends Construct {
  constructor(scope: Construct, id: string, props: GatewayPods) {
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
      envoyFilter('connection-manager', props, [
        {
          applyTo: 'NETWORK_FILTER',
          match: { context: 'GATEWAY', listener },
          patch: {
            operation: 'MERGE',
            value: {
              typed_config: {
                '@type':
                  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                ...plain(connectionManagerSettings()),
              },
            },
          },
        },
      ]),
    );
  }
}
