import type { Sim } from '../kernel/sim.ts';

/** Lets virtual time run while a test awaits something in it. */

const sliceMillis = 50;

/** Goes on in the background until the returned function is called; that resolves when the last slice has ended. */
export function pump(sim: Sim): () => Promise<void> {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) await sim.runUntil(sim.nowMillis + sliceMillis);
  })();
  return async () => {
    stopped.abort();
    await running;
  };
}
