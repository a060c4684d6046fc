import { HttpProblem } from '@sagamesh/runtime/problem';

/** Bounds work that is expensive by intention: so much at once, so much waiting, and a clear answer to everybody else. */
export interface WorkLimit {
  /** Rejects with 503 and Retry-After, without beginning, when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface WorkLimitOptions {
  readonly atOnceMax: number;
  readonly waitingMax: number;
  readonly retryAfterSeconds: number;
}

export function createWorkLimit({ atOnceMax, waitingMax, retryAfterSeconds }: WorkLimitOptions): WorkLimit {
  let running = 0;
  const waiting: (() => void)[] = [];
  async function enter(): Promise<void> {
    if (running < atOnceMax) {
      running += 1;
      return;
    }
    if (waiting.length >= waitingMax) {
      throw new HttpProblem({
        status: 503,
        detail: 'Too many passwords are being checked at the moment. Try again later.',
        headers: { 'retry-after': String(retryAfterSeconds) },
      });
    }
    // Whoever leaves hands over the own place, so `running` stays.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
