import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { SagaMetrics } from './ports.ts';

/** Figures of the saga layer. The controller's own (controller_runtime_*, workqueue_*) come from the kernel. */
export function createSagaMetrics(registry: Registry, openSagas: () => number): SagaMetrics {
  const registers = [registry];
  const writes = new Counter({
    name: 'ordersaga_status_writes_total',
    help: 'Status writes by cause',
    labelNames: ['reason'],
    registers,
  });
  const commands = new Counter({
    name: 'ordersaga_commands_sent_total',
    help: 'Commands stored by the broker, re-sends included',
    labelNames: ['direction'],
    registers,
  });
  const replies = new Counter({
    name: 'ordersaga_replies_total',
    help: 'Replies read: of an open saga, of none that this process holds, or unreadable',
    labelNames: ['kind'],
    registers,
  });
  const duration = new Histogram({
    name: 'saga_duration_seconds',
    help: 'From status.startedAt to the recorded outcome',
    labelNames: ['outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800],
    registers,
  });
  const open: Gauge = new Gauge({
    name: 'ordersaga_open',
    help: 'Open sagas that this process drives',
    registers,
    collect() {
      open.set(openSagas());
    },
  });
  return {
    statusWritten: (reason) => writes.inc({ reason }),
    commandSent: (direction) => commands.inc({ direction }),
    sagaEnded: (outcome, durationMillis) => duration.observe({ outcome }, durationMillis / 1_000),
    replyReceived: (kind) => replies.inc({ kind }),
  };
}
