import { pause } from '../timing.ts';

/** Trying for ever, without flooding the log meanwhile. */

const delayMillis = { first: 50, max: 1_000 };

/** Which tries are worth a line: those of the first second, then one in twenty. */
export function isTold(attempt: number): boolean {
  return attempt <= 4 || attempt % 20 === 0;
}

/** Calls `work` with 1, 2, 3, ... until it answers true (so does this then) or `stop` fires; pauses in between, doubled up to a second. */
export async function tryUntilDone(
  work: (attempt: number) => Promise<boolean>,
  stop: AbortSignal,
): Promise<boolean> {
  let pauseMillis = delayMillis.first;
  for (let attempt = 1; !stop.aborted; attempt += 1) {
    if (await work(attempt)) return true;
    await pause(pauseMillis, stop);
    pauseMillis = Math.min(2 * pauseMillis, delayMillis.max);
  }
  return false;
}
