import type { WorkloadName } from './topology.ts';

/**
 * When a caller's Envoy stops trying: how much it may have open at a callee, and after how many failures it leaves one of its pods alone. Per calling Envoy
 * and callee. Start values; measure and adapt them (docs/operations.md).
 */

export interface BreakerLimits {
  readonly maxConnections: number;
  readonly connectTimeout: string;
  /** HTTP only: absent for byte streams, where nobody counts answers. */
  readonly http?: { readonly maxPending: number; readonly maxRequests: number; readonly maxRetries: number };
  readonly outlier: {
    /** 502, 503, 504; and connections that cannot be made. */
    readonly gatewayErrors: number;
    readonly serverErrors: number;
    readonly interval: string;
    readonly baseEjection: string;
  };
}

const outlier = { gatewayErrors: 3, serverErrors: 5, interval: '5s', baseEjection: '30s' } as const;

/** The gateway lets 100 requests a minute through at once; what a service does not finish waits here, and what is beyond that is refused at once. */
const service: BreakerLimits = {
  maxConnections: 32,
  connectTimeout: '1s',
  http: { maxPending: 16, maxRequests: 48, maxRetries: 3 },
  outlier,
};

const stream: BreakerLimits = { maxConnections: 64, connectTimeout: '2s', outlier };

/** Money: fewer at once, and a longer rest for a provider in trouble. */
const paymentProvider: BreakerLimits = {
  maxConnections: 16,
  connectTimeout: '1s',
  http: { maxPending: 8, maxRequests: 24, maxRetries: 1 },
  outlier: { ...outlier, baseEjection: '60s' },
};

const byWorkload: Readonly<Partial<Record<WorkloadName, BreakerLimits>>> = {
  'payment-provider': paymentProvider,
  payment: {
    ...service,
    http: { maxPending: 8, maxRequests: 40, maxRetries: 3 },
    outlier: { ...outlier, baseEjection: '60s' },
  },
  nats: stream,
  'order-db': stream,
  'inventory-db': stream,
  'payment-db': stream,
  'user-db': stream,
};

export function breakerLimitsOf(name: WorkloadName): BreakerLimits {
  return byWorkload[name] ?? service;
}

/** Of a host outside of the cluster, whose bytes are TLS for us. */
export function externalLimits(isPayment: boolean): BreakerLimits {
  return isPayment
    ? { ...stream, maxConnections: 16, outlier: { ...outlier, baseEjection: '60s' } }
    : { ...stream, maxConnections: 32 };
}
