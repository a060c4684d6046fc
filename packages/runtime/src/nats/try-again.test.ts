import { expect, it } from 'vitest';
import { isTold, tryUntilDone } from './try-again.ts';

it('a consumer that cannot be had for a minute is told of a few times, not every second', () => {
  const attempts = Array.from({ length: 64 }, (_, index) => index + 1);
  expect(attempts.filter(isTold)).toEqual([1, 2, 3, 4, 20, 40, 60]);
});

it('tries until it worked, and counts', async () => {
  const attempts: number[] = [];
  const done = await tryUntilDone(
    async (attempt) => attempts.push(attempt) === 3,
    new AbortController().signal,
  );
  expect({ done, attempts }).toEqual({ done: true, attempts: [1, 2, 3] });
});

it('ends when told, also in the middle of a pause', async () => {
  const stop = new AbortController();
  const trying = tryUntilDone(async () => {
    setImmediate(() => stop.abort());
    return false;
  }, stop.signal);
  expect(await trying).toBe(false);
});
