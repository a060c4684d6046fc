import { describe, expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import { VirtualClock } from './testing/virtual-clock.ts';
import { createWorkQueue } from './work-queue.ts';
import { type FailureTreatment, type ReconcileResult, type WorkerOptions, runWorkers } from './workers.ts';

function setUp(reconcile: WorkerOptions['reconcile'], more: Partial<WorkerOptions> = {}) {
  const clock = new VirtualClock();
  const queue = createWorkQueue({ clock, random: () => 0 });
  const results: string[] = [];
  const failures: string[] = [];
  const observer = {
    started: () => undefined,
    finished: ({ result }: { readonly result: string }) => results.push(result),
    failed: ({ treatment }: { readonly treatment: string }) => failures.push(treatment),
  };
  const workers = runWorkers({
    queue,
    concurrency: 2,
    reconcile,
    newId: () => 'id',
    clock,
    observer,
    ...more,
  });
  return { clock, queue, workers, results, failures };
}

const terminal = (): FailureTreatment => ({ kind: 'terminal' });

describe('what becomes of a key', () => {
  const outcomes: {
    readonly reason: string;
    readonly result: ReconcileResult;
    readonly looks: readonly number[];
  }[] = [
    { reason: 'done: one look', result: { kind: 'done' }, looks: [0] },
    {
      reason: 'requeueAfter: looks again after the wait',
      result: { kind: 'requeueAfter', delayMillis: 300 },
      looks: [0, 300, 600, 900],
    },
    {
      reason: 'requeue: looks again with backoff',
      result: { kind: 'requeue' },
      looks: [0, 5, 15, 35, 75, 155, 315, 635],
    },
  ];
  test.each(outcomes)('$reason', async ({ result, looks }) => {
    const seen: number[] = [];
    const { clock, queue } = setUp(() => {
      seen.push(clock.now() - start);
      return Promise.resolve(result);
    });
    const start = clock.now();
    queue.add('a');
    await clock.advance(1_000);
    expect(seen).toEqual(looks);
  });

  test('an error is retried with backoff, and success forgets it', async () => {
    let left = 3;
    const { clock, queue, results } = setUp(() =>
      left-- > 0 ? Promise.reject(new Error('broken')) : Promise.resolve({ kind: 'done' }),
    );
    queue.add('a');
    await clock.advance(1_000);
    expect(results).toEqual(['error', 'error', 'error', 'success']);
    expect(queue.failures('a')).toBe(0);
  });

  test('a terminal error is not retried', async () => {
    const { clock, queue, failures } = setUp(() => Promise.reject(new Error('no')), {
      treatFailure: terminal,
    });
    queue.add('a');
    await clock.advance(600_000);
    expect(failures).toEqual(['terminal']);
    expect(queue.snapshot()).toMatchObject({ depth: { normal: 0, low: 0 }, delayed: 0 });
  });

  test('429 with Retry-After is not asked again earlier', async () => {
    const error = new ApiError({
      status: 429,
      reason: 'TooManyRequests',
      message: '',
      retryAfterMillis: 4_000,
    });
    const { clock, queue, results } = setUp(() => Promise.reject(error));
    queue.add('a');
    await clock.advance(3_999);
    expect(results).toHaveLength(1);
    await clock.advance(1);
    expect(results).toHaveLength(2);
  });
});

describe('nothing stops a worker', () => {
  test('a handler that throws before it returns a promise counts as a failure', async () => {
    let calls = 0;
    const { clock, queue, results } = setUp(() => {
      calls += 1;
      if (calls === 1) throw new TypeError('bug');
      return Promise.resolve({ kind: 'done' });
    });
    queue.add('a');
    await clock.advance(100);
    expect(results).toEqual(['error', 'success']);
  });

  test('a broken classifier costs neither the worker nor the key', async () => {
    let calls = 0;
    const { clock, queue } = setUp(
      () => {
        calls += 1;
        return calls < 3 ? Promise.reject(new Error('no')) : Promise.resolve({ kind: 'done' });
      },
      {
        concurrency: 1,
        treatFailure: () => {
          throw new Error('classifier bug');
        },
      },
    );
    queue.add('a');
    await clock.advance(100);
    expect(calls).toBe(3);
  });
});

test('one key is never handled by two workers at once, others go on meanwhile', async () => {
  const open = new Map<string, () => void>();
  const log: string[] = [];
  const { clock, queue } = setUp((key) => {
    log.push(key);
    return new Promise((resolve) => open.set(key, () => resolve({ kind: 'done' })));
  });
  queue.add('slow');
  await clock.advance(0);
  queue.add('slow');
  queue.add('other');
  await clock.advance(0);
  expect(log).toEqual(['slow', 'other']);
  open.get('slow')?.();
  await clock.advance(0);
  expect(log).toEqual(['slow', 'other', 'slow']);
});

test('an attempt that takes too long has its signal aborted', async () => {
  const { clock, queue, failures } = setUp(
    (_key, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('too slow')));
      }),
    { timeoutMillis: 2_000 },
  );
  queue.add('a');
  await clock.advance(1_999);
  expect(failures).toEqual([]);
  await clock.advance(1);
  expect(failures).toEqual(['retry']);
});

test('workers end when the queue is shut down and their keys are given back', async () => {
  let finish: (() => void) | undefined;
  const { clock, queue, workers } = setUp(
    () => new Promise((resolve) => (finish = () => resolve({ kind: 'done' }))),
  );
  queue.add('a');
  await clock.advance(0);
  const ending = queue.shutDown('drain');
  finish?.();
  await ending;
  expect(await workers.stopped).toBeUndefined();
  expect(await queue.take()).toBeUndefined();
});
