import type { IDestinationRule } from '@kubernetes-models/istio/networking.istio.io/v1/DestinationRule';
import { Construct } from 'constructs';
import type { BreakerLimits } from '../breaker-limits.ts';
import { addObject } from '../kube-object.ts';

export interface CircuitBreakerProps {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  readonly limits: BreakerLimits;
  /** Pods behind the host. */
  readonly replicas: number;
  /** Default: everybody who can see the host. */
  readonly exportTo?: readonly string[];
}

/**
 * A DestinationRule whose limits Envoy enforces: beyond `connectionPool` it answers 503 at once, and a pod that keeps failing is left alone for a while.
 * No `tls`: the mesh encrypts by itself.
 */
export class CircuitBreaker extends Construct {
  constructor(scope: Construct, id: string, props: CircuitBreakerProps) {
    super(scope, id);
    const { name, namespace, host, limits, replicas, exportTo } = props;
    const rule: IDestinationRule = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name, namespace },
      spec: {
        host,
        ...(exportTo && { exportTo: [...exportTo] }),
        trafficPolicy: {
          connectionPool: connectionPoolOf(limits),
          outlierDetection: {
            // Failures to connect are counted apart from what the callee answers.
            splitExternalLocalOriginErrors: true,
            consecutiveLocalOriginFailures: limits.outlier.gatewayErrors,
            consecutiveGatewayErrors: limits.outlier.gatewayErrors,
            consecutive5xxErrors: limits.outlier.serverErrors,
            interval: limits.outlier.interval,
            baseEjectionTime: limits.outlier.baseEjection,
            // Of one or two pods nothing could be ejected by a smaller share; with all of them ejected callers are refused fast.
            maxEjectionPercent: replicas <= 2 ? 100 : 50,
            minHealthPercent: 0,
          },
        },
      },
    };
    addObject(this, rule);
  }
}

function connectionPoolOf({ maxConnections, connectTimeout, http }: BreakerLimits) {
  const tcp = { maxConnections, connectTimeout, tcpKeepalive: { time: '300s', interval: '60s' } };
  if (http === undefined) return { tcp };
  return {
    tcp,
    http: {
      http1MaxPendingRequests: http.maxPending,
      http2MaxRequests: http.maxRequests,
      // Zero means: a connection may be used again as often as one likes.
      maxRequestsPerConnection: 0,
      maxRetries: http.maxRetries,
      idleTimeout: http.idleTimeout,
    },
  };
}
