/** Time and randomness as parameters, so that every timing rule of the kernel is tested in virtual time. */
export type Clock = {
  /** Monotonic milliseconds. It goes on while the process is stopped (SIGSTOP), so a paused leader notices. */
  now(): number;
  /** Milliseconds since the epoch. Only for timestamps that others read: it may jump. */
  wallMillis(): number;
  /** Runs once after the delay. The returned function cancels. */
  schedule(delayMillis: number, run: () => void): () => void;
};

/** A number in [0, 1). */
export type Random = () => number;

/** Node runs a longer timer at once. Ours fires early instead (after 24 days): whoever wakes looks at the state anyway. */
const timerMaxMillis = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMillis: () => Date.now(),
  schedule: (delayMillis, run) => {
    const timer = setTimeout(run, Math.min(delayMillis, timerMaxMillis));
    return () => clearTimeout(timer);
  },
};

/** Waits. Resolves (never rejects) early when the signal aborts: the caller looks at the signal. */
export function sleep(clock: Clock, millis: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.schedule(millis, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
