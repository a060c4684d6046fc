import { HttpProblem } from '@sagamesh/runtime/problem';
import { expect, it } from 'vitest';
import { createWorkLimit } from './work-limit.ts';

/** After everything that is ready to go on has gone on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when the test says so. */
function held() {
  const began: string[] = [];
  const ends = new Map<string, (how: 'well' | 'badly') => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      began.push(name);
      ends.set(name, (how) => (how === 'well' ? resolve(name) : reject(new Error(name))));
    });
  return { began, work, end: (name: string, how: 'well' | 'badly' = 'well') => ends.get(name)?.(how) };
}

const oneAndOne = { atOnceMax: 1, waitingMax: 1, waitMaxMillis: 60_000, retryAfterSeconds: 7 };

it('does so much at once, and the rest in the order of arrival', async () => {
  const { began, work, end } = held();
  const limit = createWorkLimit({ ...oneAndOne, atOnceMax: 2, waitingMax: 3 });
  const all = ['a', 'b', 'c', 'd'].map((name) => limit.run(work(name)));
  await turn();
  expect(began).toEqual(['a', 'b']);
  end('b');
  await turn();
  expect(began).toEqual(['a', 'b', 'c']);
  // A place that was handed over is still taken.
  all.push(limit.run(work('e')));
  await turn();
  expect(began).toEqual(['a', 'b', 'c']);
  for (const name of ['a', 'c']) end(name);
  await turn();
  expect(began).toEqual(['a', 'b', 'c', 'd', 'e']);
  for (const name of ['d', 'e']) end(name);
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it('tells whoever comes when too many wait to come again later, and begins nothing', async () => {
  const { began, work, end } = held();
  const limit = createWorkLimit(oneAndOne);
  const kept = [limit.run(work('a')), limit.run(work('b'))];
  const refused = await limit.run(work('c')).catch((thrown: unknown) => thrown);
  expect(refused).toBeInstanceOf(HttpProblem);
  expect(refused).toMatchObject({ status: 429, init: { headers: { 'retry-after': '7' } } });
  end('a');
  await turn();
  end('b');
  await Promise.all(kept);
  expect(began).toEqual(['a', 'b']);
});

it('tells whoever has waited too long the same, and forgets about that work', async () => {
  const { began, work, end } = held();
  const timers: { readonly millis: number; readonly ring: () => void }[] = [];
  const cancelled: number[] = [];
  const limit = createWorkLimit({
    ...oneAndOne,
    waitingMax: 2,
    after: (millis, ring) => {
      const number = timers.push({ millis, ring }) - 1;
      return () => void cancelled.push(number);
    },
  });
  const first = limit.run(work('a'));
  const impatient = limit.run(work('b')).catch((thrown: unknown) => thrown);
  const next = limit.run(work('c'));
  await turn();
  expect(timers.map(({ millis }) => millis)).toEqual([60_000, 60_000]);
  timers[0]?.ring();
  expect(await impatient).toMatchObject({ status: 429, init: { headers: { 'retry-after': '7' } } });
  end('a');
  await first;
  await turn();
  expect(began).toEqual(['a', 'c']);
  expect(cancelled).toEqual([1]);
  end('c');
  expect(await next).toBe('c');
});

it('gives the place of failed work to the next', async () => {
  const { began, work, end } = held();
  const limit = createWorkLimit(oneAndOne);
  const failing = limit.run(work('a'));
  const next = limit.run(work('b'));
  await turn();
  end('a', 'badly');
  await expect(failing).rejects.toThrow('a');
  await turn();
  expect(began).toEqual(['a', 'b']);
  end('b');
  await next;
  const after = limit.run(work('c'));
  await turn();
  end('c');
  expect(await after).toBe('c');
});
