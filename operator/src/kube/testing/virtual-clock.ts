/** Time that passes only when a test says so. Timers run in order, and everything they set off is finished before the next one. */
import type { Clock } from '../clock.ts';

export class VirtualClock implements Clock {
  readonly #timers = new Set<{ readonly atMillis: number; readonly run: () => void }>();
  #nowMillis = 1_000;

  now(): number {
    return this.#nowMillis;
  }

  wallMillis(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMillis;
  }

  schedule(delayMillis: number, run: () => void): () => void {
    const timer = { atMillis: this.#nowMillis + Math.max(0, delayMillis), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait: 0 means that nothing will ever happen by itself. */
  get pending(): number {
    return this.#timers.size;
  }

  async advance(millis: number): Promise<void> {
    const endMillis = this.#nowMillis + millis;
    await settle();
    for (let next = this.#next(endMillis); next !== undefined; next = this.#next(endMillis)) {
      this.#timers.delete(next);
      this.#nowMillis = Math.max(this.#nowMillis, next.atMillis);
      next.run();
      await settle();
    }
    this.#nowMillis = endMillis;
  }

  /** The process is stopped (SIGSTOP): time passes and no timer runs until the next advance(). */
  pause(millis: number): void {
    this.#nowMillis += millis;
  }

  #next(endMillis: number): { readonly atMillis: number; readonly run: () => void } | undefined {
    let first: { readonly atMillis: number; readonly run: () => void } | undefined;
    for (const timer of this.#timers) {
      if (timer.atMillis <= endMillis && (first === undefined || timer.atMillis < first.atMillis))
        first = timer;
    }
    return first;
  }
}

/** Lets every promise that can go on go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
