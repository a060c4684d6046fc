import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createKubeMetrics } from './metrics.ts';
import { VirtualClock } from './testing/virtual-clock.ts';
import { createWorkQueue } from './work-queue.ts';
import { type FailureTreatment, runWorkers } from './workers.ts';

const options = {
  controller: 'widget',
  elector: 'operator',
  host: 'api:443',
  concurrency: 2,
  ownPrefix: 'widget',
};

const treatFailure = (): FailureTreatment => ({ kind: 'terminal' });

/** The names that existing dashboards and alerts ask for. */
const dashboardNames = [
  'controller_runtime_reconcile_total',
  'controller_runtime_reconcile_errors_total',
  'controller_runtime_terminal_reconcile_errors_total',
  'controller_runtime_reconcile_panics_total',
  'controller_runtime_reconcile_timeouts_total',
  'controller_runtime_reconcile_time_seconds',
  'controller_runtime_max_concurrent_reconciles',
  'controller_runtime_active_workers',
  'workqueue_depth',
  'workqueue_adds_total',
  'workqueue_queue_duration_seconds',
  'workqueue_work_duration_seconds',
  'workqueue_unfinished_work_seconds',
  'workqueue_longest_running_processor_seconds',
  'workqueue_retries_total',
  'leader_election_master_status',
  'rest_client_requests_total',
  'rest_client_request_duration_seconds',
];

test("controller-runtime's and client-go's names are there from the start, with samples", async () => {
  const registry = new Registry();
  const metrics = createKubeMetrics(registry, options);
  metrics.watchQueue(createWorkQueue());
  const text = await registry.metrics();
  for (const name of dashboardNames)
    expect(text).toMatch(new RegExp(`^${name}(_count|_sum|_bucket)?\\{`, 'm'));
});

test('a queue and its workers are told of as they work', async () => {
  const clock = new VirtualClock();
  const registry = new Registry();
  const metrics = createKubeMetrics(registry, options);
  const queue = createWorkQueue({ clock, random: () => 0, observer: metrics.queue });
  metrics.watchQueue(queue, clock);
  let finish: (() => void) | undefined;
  const reconcile = (key: string): Promise<{ readonly kind: 'done' }> => {
    if (key === 'bug') return Promise.reject(new TypeError('bug'));
    return new Promise((resolve) => (finish = () => resolve({ kind: 'done' })));
  };
  runWorkers({
    queue,
    concurrency: 1,
    reconcile,
    treatFailure,
    newId: () => 'id',
    clock,
    observer: metrics.workers,
  });
  queue.add('bug');
  await clock.advance(0);
  queue.add('slow');
  await clock.advance(3_000);
  queue.add('waits');
  queue.add('old', 'low');
  const text = await registry.metrics();
  const labels = 'name="widget",controller="widget"';
  for (const line of [
    'controller_runtime_reconcile_total{controller="widget",result="error"} 1',
    'controller_runtime_reconcile_panics_total{controller="widget"} 1',
    'controller_runtime_terminal_reconcile_errors_total{controller="widget"} 1',
    'controller_runtime_active_workers{controller="widget"} 1',
    `workqueue_depth{${labels},priority="0"} 1`,
    `workqueue_depth{${labels},priority="-100"} 1`,
    `workqueue_adds_total{${labels}} 4`,
    `workqueue_unfinished_work_seconds{${labels}} 3`,
    `workqueue_longest_running_processor_seconds{${labels}} 3`,
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  finish?.();
});

test('two kernels in one process keep their metrics in their own registries', async () => {
  const [one, two] = [new Registry(), new Registry()];
  createKubeMetrics(one, options).elector.leadershipChanged(true);
  createKubeMetrics(two, options);
  expect(await one.metrics()).toContain('leader_election_master_status{name="operator"} 1');
  expect(await two.metrics()).toContain('leader_election_master_status{name="operator"} 0');
});
