/** Exponential waiting with jitter that forgets its past after a healthy while. */
import type { Clock, Random } from './clock.ts';

export type BackoffTiming = {
  readonly initialMillis: number;
  readonly maxMillis: number;
  /** Each wait is stretched by up to this share of itself. */
  readonly jitter: number;
  /** Without a failure for so long, the next one waits the initial time again. */
  readonly resetAfterMillis: number;
};

export type Backoff = { nextMillis(): number };

export function createBackoff(timing: BackoffTiming, clock: Clock, random: Random): Backoff {
  let failures = 0;
  let lastMillis = Number.NEGATIVE_INFINITY;
  return {
    nextMillis() {
      const now = clock.now();
      if (now - lastMillis > timing.resetAfterMillis) failures = 0;
      lastMillis = now;
      const base = exponentialMillis(timing.initialMillis, failures, timing.maxMillis);
      failures += 1;
      return base * (1 + timing.jitter * random());
    },
  };
}

/** initial x 2^failures, at most max; safe for any number of failures. */
export function exponentialMillis(initialMillis: number, failures: number, maxMillis: number): number {
  return Math.min(maxMillis, initialMillis * 2 ** Math.min(failures, 50));
}
