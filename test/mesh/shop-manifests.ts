import { synthesize } from '@sagamesh/charts/synthesize';
import type { KubeObject } from '@sagamesh/charts/kube-object';
import { z } from 'zod';

/** What the suite reads from the manifests, and the few changes that it makes for a while. */

const breakerSchema = z.object({
  spec: z.object({
    trafficPolicy: z.object({
      connectionPool: z.object({
        tcp: z.object({ maxConnections: z.number() }),
        http: z.object({ http1MaxPendingRequests: z.number() }),
      }),
      outlierDetection: z.object({ consecutiveGatewayErrors: z.number(), baseEjectionTime: z.string() }),
    }),
  }),
});

export function manifest(kind: string, name: string): KubeObject {
  const found = synthesize('kind')
    .flatMap(({ objects }) => objects)
    .find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`the manifests have no ${kind} ${name}`);
  return found;
}

export interface Breaker {
  /** Of one caller: requests that are with the callee at any one time, and those that may wait for one of these to end. */
  readonly connections: number;
  readonly pending: number;
  /** Failures in a row after which a pod is ejected, when they are 502, 503 or 504. */
  readonly failures: number;
  readonly ejectionTime: string;
}

export function breakerOf(service: string): Breaker {
  const { connectionPool, outlierDetection } = breakerSchema.parse(manifest('DestinationRule', service)).spec
    .trafficPolicy;
  return {
    connections: connectionPool.tcp.maxConnections,
    pending: connectionPool.http.http1MaxPendingRequests,
    failures: outlierDetection.consecutiveGatewayErrors,
    ejectionTime: outlierDetection.baseEjectionTime,
  };
}

const record = z.record(z.string(), z.unknown());
const ruleSpecSchema = z.looseObject({
  trafficPolicy: z.looseObject({
    connectionPool: z.looseObject({ tcp: record, http: record }),
    outlierDetection: record,
  }),
});

/** The service's DestinationRule as it is, but for how long a pod stays out, and how often that is looked at. */
export function withShortEjection(service: string, seconds: number): KubeObject {
  const rule = manifest('DestinationRule', service);
  const { trafficPolicy, ...rest } = ruleSpecSchema.parse(rule.spec);
  const outlierDetection = {
    ...trafficPolicy.outlierDetection,
    baseEjectionTime: `${seconds}s`,
    interval: '1s',
  };
  return { ...rule, spec: { ...rest, trafficPolicy: { ...trafficPolicy, outlierDetection } } };
}

/** The service's DestinationRule as it is, but for the size of its pool: the gateway's limit of requests is below what the pool of the order service holds. */
export function withSmallPool(
  service: string,
  { connections, pending }: Pick<Breaker, 'connections' | 'pending'>,
): KubeObject {
  const rule = manifest('DestinationRule', service);
  const { trafficPolicy, ...rest } = ruleSpecSchema.parse(rule.spec);
  const { tcp, http } = trafficPolicy.connectionPool;
  const connectionPool = {
    tcp: { ...tcp, maxConnections: connections },
    http: { ...http, http1MaxPendingRequests: pending },
  };
  return { ...rule, spec: { ...rest, trafficPolicy: { ...trafficPolicy, connectionPool } } };
}

const routesSchema = z.looseObject({ http: z.array(z.looseObject({})) });

/** The routes of this name as they are, but for how long an answer may take. */
export function withTimeout(name: string, timeout: string): KubeObject {
  const service = manifest('VirtualService', name);
  const { http, ...rest } = routesSchema.parse(service.spec);
  return { ...service, spec: { ...rest, http: http.map((route) => ({ ...route, timeout })) } };
}

/** A workload's Sidecar, but it knows everybody in the shop: whether it is served is then the callee's decision alone. */
export function withWideScope(workload: string): KubeObject {
  const sidecar = manifest('Sidecar', workload);
  return { ...sidecar, spec: { ...sidecar.spec, egress: [{ hosts: ['shop/*', 'istio-system/*'] }] } };
}
