import { RetryableError } from '@sagamesh/runtime/errors';

/**
 * Writes under idempotency keys at a provider that also stores its failures: a 500 that was stored under a key comes back under that key
 * for ever. So a key has generations: `place`, `place/1`, `place/2`... A write takes the first whose stored answer is not a server error.
 * Everybody walks the same way from the same start, so all repeats of one write meet at the same generation, and what it stored is the
 * one answer for all of them. A generation is passed only after the provider said by a *replay* that it is spent.
 */
export interface KeyedWrites {
  write<T>(place: string, call: (idempotencyKey: string) => Promise<T>): Promise<T>;
}

/** Spent generations passed in one attempt; the next attempt goes on from there. */
const stepsPerAttempt = 20;
const placesRemembered = 10_000;

export function createKeyedWrites(isReplayedServerError: (error: unknown) => boolean): KeyedWrites {
  /** Where a place's first unspent generation was seen last. A short cut only: without it the walk starts at 0 and ends at the same one. */
  const reached = new Map<string, number>();

  function remember(place: string, generation: number): void {
    reached.delete(place);
    if (generation > 0) reached.set(place, generation);
    const [oldest] = reached.keys();
    if (reached.size > placesRemembered && oldest !== undefined) reached.delete(oldest);
  }

  return {
    async write(place, call) {
      const first = reached.get(place) ?? 0;
      for (let generation = first; generation < first + stepsPerAttempt; generation += 1) {
        try {
          const answer = await call(generation === 0 ? place : `${place}/${generation}`);
          remember(place, 0);
          return answer;
        } catch (error) {
          if (!isReplayedServerError(error)) throw error;
          remember(place, generation + 1);
        }
      }
      throw new RetryableError(`The payment provider failed ${stepsPerAttempt} times at ${place}.`);
    },
  };
}
