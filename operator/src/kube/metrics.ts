/** Prometheus metrics under controller-runtime's and client-go's names, so that existing dashboards work. Label sets start at 0. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ClientObserver } from './api-call.ts';
import { type Clock, systemClock } from './clock.ts';
import type { ElectorObserver } from './elector.ts';
import type { RecorderObserver } from './event-recorder.ts';
import type { InformerObserver } from './reflector.ts';
import type { Priority, QueueObserver, WorkQueue } from './work-queue.ts';
import type { WorkerObserver } from './workers.ts';

export type KubeMetricsOptions = {
  /** Names the queue, too. */
  readonly controller: string;
  /** The Lease's name. */
  readonly elector: string;
  /** Transport.host. */
  readonly host: string;
  readonly concurrency: number;
  /** Begins the names of metrics that have no model elsewhere: 'ordersaga'. */
  readonly ownPrefix: string;
};

export type KubeMetrics = {
  readonly client: ClientObserver;
  readonly informer: InformerObserver;
  readonly queue: QueueObserver;
  readonly workers: WorkerObserver;
  readonly elector: ElectorObserver;
  readonly recorder: RecorderObserver;
  /** Depth and age are read from the queue at each scrape. */
  watchQueue(queue: WorkQueue, clock?: Clock): void;
};

/** controller-runtime's buckets for reconcile_time_seconds, thinned. */
const reconcileBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** client-go's workqueue buckets: 10^-8 x 10^n. */
const queueBuckets = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const requestBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export function createKubeMetrics(registry: Registry, options: KubeMetricsOptions): KubeMetrics {
  return {
    client: clientMetrics(registry, options),
    informer: informerMetrics(registry, options),
    queue: queueMetrics(registry, options),
    workers: workerMetrics(registry, options),
    elector: electorMetrics(registry, options),
    recorder: recorderMetrics(registry, options),
    watchQueue: (queue, clock = systemClock) => queueGauges(registry, options, queue, clock),
  };
}

function clientMetrics(registry: Registry, { host }: KubeMetricsOptions): ClientObserver {
  const total = new Counter({
    name: 'rest_client_requests_total',
    help: 'HTTP requests to the API server by code, method and host.',
    labelNames: ['code', 'method', 'host'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Latency of requests to the API server in seconds; a watch counts until its headers.',
    labelNames: ['verb', 'host'],
    buckets: requestBuckets,
    registers: [registry],
  });
  for (const method of ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']) {
    total.inc({ code: method === 'POST' ? '201' : '200', method, host }, 0);
    duration.zero({ verb: method, host });
  }
  return {
    requestDone({ method, code, host, durationMillis }) {
      total.inc({ code, method, host });
      duration.observe({ verb: method, host }, durationMillis / 1000);
    },
  };
}

function informerMetrics(registry: Registry, { ownPrefix }: KubeMetricsOptions): InformerObserver {
  const failures = new Counter({
    name: `${ownPrefix}_reflector_failures_total`,
    help: 'Failed lists and watches, unreadable objects, throwing handlers.',
    labelNames: ['stage'],
    registers: [registry],
  });
  const gap = new Histogram({
    name: `${ownPrefix}_watch_gap_seconds`,
    help: 'How long nobody watched, between the end of a watch and the start of the next.',
    buckets: [0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300],
    registers: [registry],
  });
  const lists = new Counter({
    name: `${ownPrefix}_lists_total`,
    help: 'Full lists: one per namespace at start, more when history was lost.',
    registers: [registry],
  });
  for (const stage of ['list', 'watch', 'object', 'handler']) failures.inc({ stage }, 0);
  return {
    listed: () => lists.inc(),
    watchStarted: ({ gapMillis }) => gap.observe(gapMillis / 1000),
    failed: ({ stage }) => failures.inc({ stage }),
  };
}

function queueMetrics(registry: Registry, { controller }: KubeMetricsOptions): QueueObserver {
  const labels = { name: controller, controller };
  const labelNames = ['name', 'controller'];
  const counter = (name: string, help: string): Counter => {
    const metric = new Counter({ name, help, labelNames, registers: [registry] });
    metric.inc(labels, 0);
    return metric;
  };
  const histogram = (name: string, help: string): Histogram => {
    const metric = new Histogram({ name, help, labelNames, buckets: queueBuckets, registers: [registry] });
    metric.zero(labels);
    return metric;
  };
  const adds = counter('workqueue_adds_total', 'Keys added.');
  const retries = counter('workqueue_retries_total', 'Keys added again after a failure.');
  const waited = histogram('workqueue_queue_duration_seconds', 'How long a key waited before it was taken.');
  const worked = histogram('workqueue_work_duration_seconds', 'How long handling a key took.');
  return {
    added: () => adds.inc(labels),
    retried: () => retries.inc(labels),
    taken: (waitedMillis) => waited.observe(labels, waitedMillis / 1000),
    done: (workedMillis) => worked.observe(labels, workedMillis / 1000),
  };
}

/** controller-runtime names priorities by number; initial lists get -100 (handler.LowPriority). */
const priorityLabel: Readonly<Record<Priority, string>> = { normal: '0', low: '-100' };

function queueGauges(
  registry: Registry,
  { controller }: KubeMetricsOptions,
  queue: WorkQueue,
  clock: Clock,
): void {
  const labels = { name: controller, controller };
  const ages = (): readonly number[] =>
    queue.snapshot().processingSinceMillis.map((since) => (clock.now() - since) / 1000);
  const depth = new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that wait.',
    labelNames: ['name', 'controller', 'priority'],
    registers: [],
    collect() {
      const waiting = queue.snapshot().depth;
      this.set({ ...labels, priority: priorityLabel.normal }, waiting.normal);
      this.set({ ...labels, priority: priorityLabel.low }, waiting.low);
    },
  });
  const unfinished = new Gauge({
    name: 'workqueue_unfinished_work_seconds',
    help: 'Sum of the times that keys being handled have taken so far.',
    labelNames: ['name', 'controller'],
    registers: [],
    collect() {
      this.set(
        labels,
        ages().reduce((sum, age) => sum + age, 0),
      );
    },
  });
  const longest = new Gauge({
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the slowest key being handled has taken so far.',
    labelNames: ['name', 'controller'],
    registers: [],
    collect() {
      this.set(labels, Math.max(0, ...ages()));
    },
  });
  for (const gauge of [depth, unfinished, longest]) registry.registerMetric(gauge);
}

function workerMetrics(registry: Registry, { controller, concurrency }: KubeMetricsOptions): WorkerObserver {
  const counter = (name: string, help: string): Counter => {
    const metric = new Counter({ name, help, labelNames: ['controller'], registers: [registry] });
    metric.inc({ controller }, 0);
    return metric;
  };
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ name, help, labelNames: ['controller'], registers: [registry] });
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by result.',
    labelNames: ['controller', 'result'],
    registers: [registry],
  });
  const results = ['success', 'error', 'requeue', 'requeue_after'] as const;
  for (const result of results) total.inc({ controller, result }, 0);
  const errors = counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.');
  const terminal = counter('controller_runtime_terminal_reconcile_errors_total', 'Failures not retried.');
  const panics = counter('controller_runtime_reconcile_panics_total', 'Reconciles that failed by a bug.');
  const timeouts = counter('controller_runtime_reconcile_timeouts_total', 'Reconciles that took too long.');
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long a reconcile takes.',
    labelNames: ['controller'],
    buckets: reconcileBuckets,
    registers: [registry],
  });
  time.zero({ controller });
  gauge('controller_runtime_max_concurrent_reconciles', 'Workers.').set({ controller }, concurrency);
  const active = gauge('controller_runtime_active_workers', 'Workers that handle a key now.');
  active.set({ controller }, 0);
  return {
    started: () => active.inc({ controller }),
    finished({ result, durationMillis }) {
      active.dec({ controller });
      total.inc({ controller, result });
      time.observe({ controller }, durationMillis / 1000);
    },
    failed({ error, treatment, timedOut }) {
      errors.inc({ controller });
      if (treatment === 'terminal') terminal.inc({ controller });
      if (timedOut) timeouts.inc({ controller });
      if (isBug(error)) panics.inc({ controller });
    },
  };
}

/** JavaScript's nearest thing to a panic: errors that the engine itself throws. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}

function electorMetrics(registry: Registry, { elector }: KubeMetricsOptions): ElectorObserver {
  const leading = new Gauge({
    name: 'leader_election_master_status',
    help: '1 when this process leads.',
    labelNames: ['name'],
    registers: [registry],
  });
  const failures = new Counter({
    name: 'leader_election_attempt_failures_total',
    help: 'Attempts to take or renew the Lease that got an error.',
    labelNames: ['name'],
    registers: [registry],
  });
  leading.set({ name: elector }, 0);
  failures.inc({ name: elector }, 0);
  return {
    leadershipChanged: (isLeader) => leading.set({ name: elector }, isLeader ? 1 : 0),
    attemptFailed: () => failures.inc({ name: elector }),
  };
}

function recorderMetrics(registry: Registry, { ownPrefix }: KubeMetricsOptions): RecorderObserver {
  const sent = new Counter({
    name: `${ownPrefix}_events_sent_total`,
    help: 'Event writes that the API server accepted.',
    registers: [registry],
  });
  const dropped = new Counter({
    name: `${ownPrefix}_events_dropped_total`,
    help: 'Events that were given up.',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const reason of ['queue_full', 'refused', 'retries_exhausted']) dropped.inc({ reason }, 0);
  return { sent: () => sent.inc(), dropped: (reason) => dropped.inc({ reason }) };
}
