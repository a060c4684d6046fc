import { pause } from '@sagamesh/runtime/timing';
import type { Sim } from '../kernel/sim.ts';

/** Lets virtual time run while a test awaits something in it. */

const sliceMillis = 50;

export interface PumpOptions {
  /**
   * Real milliseconds to wait after a slice in which nothing happened. Default none: virtual hours go by in a second. With it, a suite
   * that polls in real time finds minutes gone by at most.
   */
  readonly idlePauseMillis?: number;
}

/** Goes on in the background until the returned function is called; that resolves when the last slice has ended. */
export function pump(sim: Sim, { idlePauseMillis }: PumpOptions = {}): () => Promise<void> {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) {
      const before = sim.eventsRun;
      await sim.runUntil(sim.nowMillis + sliceMillis);
      if (idlePauseMillis !== undefined && sim.eventsRun === before)
        await pause(idlePauseMillis, stopped.signal);
    }
  })();
  return async () => {
    stopped.abort();
    await running;
  };
}
