/** Time as a parameter, so that what waits and repeats can be run in virtual time. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since the epoch; it may jump. */
  wallMillis(): number;
  /** Runs once after the delay. The returned function cancels. */
  schedule(delayMillis: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMillis: () => Date.now(),
  schedule: (delayMillis, run) => {
    const timer = setTimeout(run, delayMillis);
    return () => clearTimeout(timer);
  },
};
