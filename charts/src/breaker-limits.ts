import { rateLimits, type RateLimit } from '@sagamesh/gateway/routes';
import type { WorkloadName } from './topology.ts';

/**
 * When a caller's Envoy stops trying: how much it may have open at a callee, and after how many failures it leaves one of its pods alone. Per calling Envoy
 * and callee. Start values; measure and adapt them.
 */

interface HttpLimits {
  /** Requests that have no connection yet: also those for which one is being made, so at first all that come at once. */
  readonly maxPending: number;
  readonly maxRequests: number;
  /** Of all callers together at any one time. */
  readonly maxRetries: number;
  /** Shorter than the callee keeps an idle connection: else a request now and then meets one that was just closed, and a POST is not sent again. */
  readonly idleTimeout: string;
}

export interface BreakerLimits {
  readonly maxConnections: number;
  readonly connectTimeout: string;
  /** HTTP only: absent for byte streams, where nobody counts answers. */
  readonly http?: HttpLimits;
  readonly outlier: {
    /** 502, 503, 504; and connections that cannot be made. */
    readonly gatewayErrors: number;
    readonly serverErrors: number;
    readonly interval: string;
    readonly baseEjection: string;
  };
}

const outlier = { gatewayErrors: 3, serverErrors: 5, interval: '5s', baseEjection: '30s' } as const;

const service: BreakerLimits = {
  maxConnections: 32,
  connectTimeout: '1s',
  http: { maxPending: 16, maxRequests: 48, maxRetries: 3, idleTimeout: '60s' },
  outlier,
};

/** A full bucket of the rate limit may come at once, and its callers are within their rights: all of it may wait. */
function behindGateway({ requestsPerMinute }: RateLimit): BreakerLimits {
  const http = { maxPending: requestsPerMinute, maxRequests: requestsPerMinute, maxRetries: 3 };
  return { ...service, http: { ...http, idleTimeout: '60s' } };
}

const cautiousOutlier = { ...outlier, baseEjection: '60s' } as const;

/** Money: fewer at once, and a longer rest for whoever is in trouble. */
const payment: BreakerLimits = {
  ...service,
  maxConnections: 16,
  http: { maxPending: 8, maxRequests: 24, maxRetries: 1, idleTimeout: '60s' },
  outlier: cautiousOutlier,
};

/** Of one process (services/payment/src/main.ts). Connections are mostly cold, so all of them may have to wait; fewer of them would be failed for nothing. */
const chargesAtOnce = 32;

/** Small servers that close what is idle after Node's five seconds. */
const helperIdle = { idleTimeout: '4s' } as const;

/** A pool of 12 connections per process, some of them about to end. */
const database: BreakerLimits = { maxConnections: 48, connectTimeout: '2s', outlier };

/** The callee's own Envoy counts by this, too, and sees the connections of all clients: one server may have to hold those of its peers' clients. */
const broker: BreakerLimits = { maxConnections: 512, connectTimeout: '2s', outlier };

/** A server that is back must be found again soon. */
export const brokerPeers: BreakerLimits = { ...broker, outlier: { ...outlier, baseEjection: '5s' } };

const byWorkload: Readonly<Partial<Record<WorkloadName, BreakerLimits>>> = {
  order: behindGateway(rateLimits.orders),
  user: behindGateway(rateLimits.users),
  payment,
  'payment-provider': {
    ...payment,
    http: { maxPending: chargesAtOnce, maxRequests: 24, maxRetries: 1, ...helperIdle },
  },
  'smtp-sink': { ...service, http: { maxPending: 16, maxRequests: 48, maxRetries: 3, ...helperIdle } },
  'sms-sink': { ...service, http: { maxPending: 16, maxRequests: 48, maxRetries: 3, ...helperIdle } },
  nats: broker,
  'order-db': database,
  'inventory-db': database,
  'payment-db': database,
  'user-db': database,
};

export function breakerLimitsOf(name: WorkloadName): BreakerLimits {
  return byWorkload[name] ?? service;
}

/** Of a host outside of the cluster, whose bytes are TLS for us. */
export function externalLimits(caller: WorkloadName): BreakerLimits {
  const calm: BreakerLimits = { maxConnections: 32, connectTimeout: '3s', outlier };
  // Half as many refunds beside the charges.
  const payments = chargesAtOnce * 1.5;
  return caller === 'payment' ? { ...calm, maxConnections: payments, outlier: cautiousOutlier } : calm;
}
