import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Prometheus metrics: one registry per process, served at `/metrics`. */

export interface HttpLabels {
  readonly method: string;
  /** The route's pattern (`/api/v1/orders/:id`), never the URL: every distinct value is a time series for ever. */
  readonly route: string;
  readonly status: number;
}

export interface Metrics {
  readonly registry: Registry;
  observeHttp(labels: HttpLabels, seconds: number): void;
}

/** Upper bounds in seconds, from a cache hit to a request that somebody gave up on. */
const httpBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const http = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: httpBuckets,
    registers: [registry],
  });
  return {
    registry,
    observeHttp: (labels, seconds) => http.observe({ ...labels }, seconds),
  };
}
