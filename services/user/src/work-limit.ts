import { HttpProblem } from '@sagamesh/runtime/problem';

/** Bounds work that is expensive by intention: so much at once, so much waiting for so long, and a clear answer to everybody else. */
export interface WorkLimit {
  /** Rejects with 429 and Retry-After, without beginning, when too many wait already or the wait became too long. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface WorkLimitOptions {
  readonly atOnceMax: number;
  readonly waitingMax: number;
  /** A queue that is short can still be slow, on a machine that is busy with other things. */
  readonly waitMaxMillis: number;
  readonly retryAfterSeconds: number;
  /** Calls back after that time unless it is cancelled; tests have their own. */
  readonly after?: (millis: number, callback: () => void) => () => void;
}

interface Waiting {
  readonly begin: () => void;
}

export function createWorkLimit(options: WorkLimitOptions): WorkLimit {
  const { atOnceMax, waitingMax, waitMaxMillis, after = afterTimeout } = options;
  let running = 0;
  const queue: Waiting[] = [];

  function tooBusy(): HttpProblem {
    return new HttpProblem({
      // Not 503: a few of those, and the gateway takes this service for broken and lets nobody through, those who need no password included.
      status: 429,
      detail: 'Too many passwords are being checked at the moment. Try again later.',
      headers: { 'retry-after': String(options.retryAfterSeconds) },
    });
  }
  function turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        queue.splice(queue.indexOf(waiting), 1);
        reject(tooBusy());
      };
      const cancel = after(waitMaxMillis, giveUp);
      const waiting: Waiting = {
        begin: () => {
          cancel();
          resolve();
        },
      };
      queue.push(waiting);
    });
  }
  async function enter(): Promise<void> {
    if (running < atOnceMax) running += 1;
    else if (queue.length >= waitingMax) throw tooBusy();
    // Whoever leaves hands over the own place, so `running` stays.
    else await turn();
  }
  function leave(): void {
    const next = queue.shift();
    if (next === undefined) running -= 1;
    else next.begin();
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

function afterTimeout(millis: number, callback: () => void): () => void {
  const timer = setTimeout(callback, millis);
  return () => clearTimeout(timer);
}
