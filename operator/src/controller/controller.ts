import { randomUUID } from 'node:crypto';
import { orderSagaGroup, orderSagaKind, orderSagaVersion } from '@sagamesh/contracts/order-saga';
import type { Broker, Subscription } from '@sagamesh/runtime/broker';
import { RetryableError, TerminalError, ensureError } from '@sagamesh/runtime/errors';
import type { Logger } from '@sagamesh/runtime/logger';
import type { KubeClient } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import type { Clock, Random } from '../kube/clock.ts';
import type { Elector } from '../kube/elector.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import { createInformer } from '../kube/informer.ts';
import type { Informer } from '../kube/informer.ts';
import type { KubeMetrics } from '../kube/metrics.ts';
import { createWorkQueue } from '../kube/work-queue.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import { runWorkers, treatFailureByDefault } from '../kube/workers.ts';
import type { FailureTreatment } from '../kube/workers.ts';
import { Actor } from './act.ts';
import { createCommandSender, createServiceDirectory } from './commands.ts';
import { startIntake } from './intake.ts';
import { createKubeSagaStore } from './kube-saga-store.ts';
import type { Narrator, SagaMetrics } from './ports.ts';
import { Reconciler } from './reconcile.ts';
import { readReplies } from './replies.ts';
import type { SagaMemory } from './saga-memory.ts';
import { orderSagaResource, toSagaObject } from './saga-object.ts';
import type { SagaObject } from './saga-object.ts';
import { createWaker } from './wake.ts';

export interface ControllerParts {
  readonly client: KubeClient;
  readonly broker: Broker;
  readonly elector: Elector;
  readonly recorder: EventRecorder;
  readonly kubeMetrics: KubeMetrics;
  readonly metrics: SagaMetrics;
  readonly memory: SagaMemory;
  readonly logger: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** A fresh UUID each time. */
  readonly newId?: () => string;
}

export interface ControllerSettings {
  readonly namespaces: readonly string[];
  readonly intakeNamespace: string;
  readonly concurrency: number;
}

export interface Controller {
  readonly informer: Informer<SagaObject>;
  /** Fills the cache and reads replies: a standby does this, too, and so misses nothing when it takes over. */
  start(): Promise<void>;
  /** From the moment of leading on. */
  lead(): Promise<void>;
  /** Takes no new work and resolves when no saga is being worked on. */
  stop(): Promise<void>;
}

/**
 * The wiring between what wakes us and what we do. A standby has its cache and its ears open; only a leader runs workers and the intake.
 */
export function createController(parts: ControllerParts, settings: ControllerSettings): Controller {
  const { broker, client, elector, logger, memory, metrics } = parts;
  const { clock = systemClock, random = Math.random, newId = randomUUID } = parts;
  const narrator = createNarrator(parts.recorder, () => elector.isLeader());
  const queue = createWorkQueue({ clock, random, observer: parts.kubeMetrics.queue });
  parts.kubeMetrics.watchQueue(queue, clock);
  const informer = createInformer<SagaObject>({
    client,
    resource: orderSagaResource,
    namespaces: settings.namespaces,
    transform: toSagaObject,
    onChange: createWaker(queue, memory, narrator),
    clock,
    random,
    observer: {
      ...parts.kubeMetrics.informer,
      failed: (failure) => {
        parts.kubeMetrics.informer.failed(failure);
        logger.warn({ err: ensureError(failure.error), stage: failure.stage }, 'the watch failed; going on');
      },
    },
  });
  const epochMillis = monotonicEpoch(clock);
  const actor = new Actor({
    sagas: createKubeSagaStore(client, informer.store),
    commands: createCommandSender(broker, newId().slice(0, 8)),
    services: createServiceDirectory(broker),
    narrator,
    metrics,
    stillLeading: () => elector.stillLeading(),
    epochMillis,
  });
  const reconciler = new Reconciler(memory, actor, epochMillis);
  const subscriptions: Subscription[] = [];
  let workers: { readonly stopped: Promise<void> } | undefined;
  return {
    informer,
    async start() {
      informer.start();
      await informer.waitForSync();
      subscriptions.push(
        await readReplies({
          broker,
          memory,
          wake: (key) => queue.add(key),
          metrics,
          logger,
          isLeader: () => elector.isLeader(),
          epochMillis,
        }),
      );
    },
    async lead() {
      workers = startWorkers(parts, settings, queue, reconciler);
      const namespace = settings.intakeNamespace;
      subscriptions.push(await startIntake({ broker, client, namespace, logger, epochMillis }));
    },
    async stop() {
      await Promise.all(subscriptions.map((subscription) => subscription.stop()));
      await queue.shutDown('dropWaiting');
      await workers?.stopped;
      await informer.stop();
    },
  };
}

function startWorkers(
  { kubeMetrics, logger, memory, clock = systemClock, newId = randomUUID }: ControllerParts,
  { concurrency }: ControllerSettings,
  queue: WorkQueue,
  reconciler: Reconciler,
): { readonly stopped: Promise<void> } {
  return runWorkers({
    queue,
    concurrency,
    reconcile: (key) => reconciler.reconcile(key),
    treatFailure,
    newId,
    clock,
    observer: {
      ...kubeMetrics.workers,
      failed: (failure) => {
        kubeMetrics.workers.failed(failure);
        const { key, reconcileId, treatment, error } = failure;
        const correlationId = memory.correlationIdOf(key);
        logger.warn(
          { err: ensureError(error), saga: key, correlationId, reconcileId, treatment },
          'reconcile failed',
        );
      },
    },
  });
}

/**
 * Only what says so itself is given up until the object changes: a missing permission, say, may be granted any minute. Whoever named a time to
 * stay away is heeded.
 */
export function treatFailure(error: unknown): FailureTreatment {
  if (error instanceof TerminalError) return { kind: 'terminal' };
  if (error instanceof RetryableError) return { kind: 'retry', afterMillis: error.retryAfterMillis };
  return treatFailureByDefault(error);
}

function createNarrator(recorder: EventRecorder, isLeader: () => boolean): Narrator {
  return {
    tell(object, lines) {
      if (!isLeader()) return;
      const { name, namespace, uid } = object.metadata;
      const regarding = {
        apiVersion: `${orderSagaGroup}/${orderSagaVersion}`,
        kind: orderSagaKind,
        name,
        uid,
        ...(namespace === undefined ? {} : { namespace }),
      };
      for (const { type, reason, action, note } of lines) {
        recorder.record({ regarding, type, reason, action, note: note.slice(0, 1_024) });
      }
    },
  };
}

/** Epoch milliseconds that never jump while this process lives: a stepped wall clock must not end anybody's deadline. */
function monotonicEpoch(clock: Clock): () => number {
  const offset = clock.wallMillis() - clock.now();
  return () => Math.floor(offset + clock.now());
}
