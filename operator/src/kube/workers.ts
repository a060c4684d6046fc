/** Runs N workers over a queue. Whatever a reconcile returns or throws becomes exactly one decision about its key; nothing gets out. */
import { ApiError } from './api-error.ts';
import { type Clock, systemClock } from './clock.ts';
import type { WorkQueue } from './work-queue.ts';

/** done: settled until something changes. requeueAfter: look again then. requeue: not settled, look again with the key's backoff. */
export type ReconcileResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'requeueAfter'; readonly delayMillis: number }
  | { readonly kind: 'requeue' };

/** terminal: only a change of the object can help. retry: the key's backoff, or the given wait if that is longer. */
export type FailureTreatment =
  { readonly kind: 'terminal' } | { readonly kind: 'retry'; readonly afterMillis?: number | undefined };

export type ReconcileContext = {
  /** For logs: one id per attempt. */
  readonly reconcileId: string;
  /** Aborted when the attempt has run too long. */
  readonly signal: AbortSignal;
};

export type WorkerObserver = {
  started(): void;
  /** `result` as controller-runtime names it. */
  finished(attempt: {
    readonly result: 'success' | 'error' | 'requeue' | 'requeue_after';
    readonly durationMillis: number;
  }): void;
  failed(failure: {
    readonly key: string;
    readonly reconcileId: string;
    readonly error: unknown;
    readonly treatment: FailureTreatment['kind'];
    readonly timedOut: boolean;
  }): void;
};

export type WorkerOptions = {
  readonly queue: WorkQueue;
  readonly concurrency: number;
  readonly reconcile: (key: string, context: ReconcileContext) => Promise<ReconcileResult>;
  /** Here the caller tells its terminal errors. Default: retry, after the API server's Retry-After if it named one. */
  readonly treatFailure?: (error: unknown) => FailureTreatment;
  /** 0: no limit. The attempt itself must watch its signal. */
  readonly timeoutMillis?: number;
  readonly newId: () => string;
  readonly clock?: Clock;
  readonly observer?: WorkerObserver;
};

/** Ends when the queue is shut down and every worker has given back its key. */
export function runWorkers(options: WorkerOptions): { readonly stopped: Promise<void> } {
  const workers = Array.from({ length: options.concurrency }, () => work(options));
  return { stopped: Promise.all(workers).then(() => undefined) };
}

async function work(options: WorkerOptions): Promise<void> {
  for (;;) {
    const key = await options.queue.take();
    if (key === undefined) return;
    try {
      await attempt(options, key);
    } catch {
      // A broken observer or classifier must not cost a worker or a key.
      options.queue.addRateLimited(key);
    } finally {
      options.queue.done(key);
    }
  }
}

async function attempt(options: WorkerOptions, key: string): Promise<void> {
  const { queue, observer } = options;
  const clock = options.clock ?? systemClock;
  const controller = new AbortController();
  const timeoutMillis = options.timeoutMillis ?? 0;
  const cancel =
    timeoutMillis > 0 ? clock.schedule(timeoutMillis, () => controller.abort()) : (): void => undefined;
  const reconcileId = options.newId();
  const startedMillis = clock.now();
  observer?.started();
  let result: 'success' | 'error' | 'requeue' | 'requeue_after' = 'error';
  try {
    const answer = await options.reconcile(key, { reconcileId, signal: controller.signal });
    result = settle(queue, key, answer);
  } catch (error) {
    const treatment = (options.treatFailure ?? treatFailureByDefault)(error);
    settleFailure(queue, key, treatment);
    const timedOut = controller.signal.aborted;
    observer?.failed({ key, reconcileId, error, treatment: treatment.kind, timedOut });
  } finally {
    cancel();
    observer?.finished({ result, durationMillis: clock.now() - startedMillis });
  }
}

function settle(
  queue: WorkQueue,
  key: string,
  answer: ReconcileResult,
): 'success' | 'requeue' | 'requeue_after' {
  switch (answer.kind) {
    case 'done':
      queue.forget(key);
      return 'success';
    case 'requeueAfter':
      queue.forget(key);
      queue.addAfter(key, answer.delayMillis);
      return 'requeue_after';
    case 'requeue':
      queue.addRateLimited(key);
      return 'requeue';
  }
}

function settleFailure(queue: WorkQueue, key: string, treatment: FailureTreatment): void {
  if (treatment.kind === 'terminal') return queue.forget(key);
  queue.addRateLimited(key, { atLeastMillis: treatment.afterMillis ?? 0 });
}

export function treatFailureByDefault(error: unknown): FailureTreatment {
  return { kind: 'retry', afterMillis: error instanceof ApiError ? error.retryAfterMillis : undefined };
}
