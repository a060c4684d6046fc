import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock, settle } from './testing/virtual-clock.ts';
import { type WorkQueue, createWorkQueue } from './work-queue.ts';

function setUp(rateLimit = {}) {
  const clock = new VirtualClock();
  const queue = createWorkQueue({ clock, random: () => 0, rateLimit: { jitter: 0, ...rateLimit } });
  return { clock, queue };
}

/** Takes everything that can be taken now. */
async function takeAll(queue: WorkQueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.snapshot().depth.normal + queue.snapshot().depth.low > 0) {
    const key = await queue.take();
    if (key !== undefined) taken.push(key);
  }
  return taken;
}

describe('adding', () => {
  test('a key waits once, in the order of its first adding', async () => {
    const { queue } = setUp();
    for (const key of ['a', 'b', 'a']) queue.add(key);
    expect(await takeAll(queue)).toEqual(['a', 'b']);
  });

  test('a key added while it is processed is not handed out again before done, and then it is', async () => {
    const { queue } = setUp();
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(await takeAll(queue)).toEqual([]);
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('new work overtakes the initial list, and a key that turns urgent moves up', async () => {
    const { queue } = setUp();
    for (const key of ['old1', 'old2', 'old3']) queue.add(key, 'low');
    queue.add('new');
    queue.add('old3');
    expect(await takeAll(queue)).toEqual(['new', 'old3', 'old1', 'old2']);
  });

  test('a taker that waits gets the next key', async () => {
    const { queue } = setUp();
    const waiting = queue.take();
    queue.add('a');
    expect(await waiting).toBe('a');
  });
});

describe('adding after a while', () => {
  test.each([
    { delays: [500, 100], reason: 'a shorter wait replaces a longer one' },
    { delays: [100, 500], reason: 'a longer wait changes nothing' },
  ])('$reason: the earliest deadline counts', async ({ delays }) => {
    const { queue, clock } = setUp();
    for (const delay of delays) queue.addAfter('a', delay);
    await clock.advance(99);
    expect(queue.snapshot().depth.normal).toBe(0);
    await clock.advance(1);
    expect(await takeAll(queue)).toEqual(['a']);
    queue.done('a');
    await clock.advance(1_000);
    expect(await takeAll(queue)).toEqual([]);
  });
});

describe('rate limit', () => {
  test('a failing key waits 5 ms, doubled each time, at most a minute; forget starts over', async () => {
    const { queue, clock } = setUp({ qps: 1_000_000, burst: 1_000_000 });
    const waits: number[] = [];
    for (let failure = 0; failure < 16; failure += 1) {
      const from = clock.now();
      queue.addRateLimited('a');
      while (queue.snapshot().depth.normal === 0) await clock.advance(1);
      waits.push(clock.now() - from);
      await takeAll(queue);
      queue.done('a');
    }
    expect(waits.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
    expect(waits.slice(-2)).toEqual([60_000, 60_000]);
    queue.forget('a');
    expect(queue.failures('a')).toBe(0);
  }, 20_000);

  test('all keys together come back at most at the overall rate', async () => {
    const { queue, clock } = setUp({ qps: 10, burst: 100 });
    for (let i = 0; i < 120; i += 1) queue.addRateLimited(`key-${i}`);
    await clock.advance(50);
    expect(queue.snapshot().depth.normal).toBe(100);
    await clock.advance(1_950);
    expect(queue.snapshot().depth.normal).toBe(120);
  });

  test("a server's Retry-After is waited for", async () => {
    const { queue, clock } = setUp();
    queue.addRateLimited('a', { atLeastMillis: 3_000 });
    await clock.advance(2_999);
    expect(queue.snapshot().depth.normal).toBe(0);
    await clock.advance(1);
    expect(queue.snapshot().depth.normal).toBe(1);
  });
});

describe('shutting down', () => {
  test('dropping: waiting and delayed keys are gone, takers are told, and it ends with the last key in work', async () => {
    const { queue, clock } = setUp();
    for (const key of ['a', 'b']) queue.add(key);
    queue.addAfter('c', 10);
    await queue.take();
    let over = false;
    const ending = queue.shutDown('dropWaiting').then(() => (over = true));
    expect(await queue.take()).toBeUndefined();
    await clock.advance(100);
    expect(over).toBe(false);
    queue.add('d');
    queue.done('a');
    await ending;
    expect(await queue.take()).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test('draining: what waits is still handed out, then nothing', async () => {
    const { queue } = setUp();
    for (const key of ['a', 'b']) queue.add(key);
    const ending = queue.shutDown('drain');
    expect([await queue.take(), await queue.take()]).toEqual(['a', 'b']);
    const last = queue.take();
    for (const key of ['a', 'b']) queue.done(key);
    await ending;
    expect(await last).toBeUndefined();
  });
});

test('whatever happens, no key is in work twice and none that was added after its last taking is forgotten', async () => {
  const key = fc.constantFrom('a', 'b', 'c');
  const step = fc.record({ key, act: fc.constantFrom('add', 'addLow', 'addAfter', 'take', 'done', 'wait') });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
      const { queue, clock } = setUp();
      const inWork = new Set<string>();
      const owed = new Set<string>();
      const take = async (): Promise<void> => {
        const { normal, low } = queue.snapshot().depth;
        if (normal + low === 0) return;
        const taken = (await queue.take()) ?? '';
        expect(inWork.has(taken)).toBe(false);
        inWork.add(taken);
        owed.delete(taken);
      };
      for (const { key, act } of steps) {
        if (act === 'add' || act === 'addLow') queue.add(key, act === 'add' ? 'normal' : 'low');
        if (act === 'addAfter') queue.addAfter(key, 5);
        if (act.startsWith('add')) owed.add(key);
        if (act === 'take') await take();
        if (act === 'done' && inWork.delete(key)) queue.done(key);
        if (act === 'wait') await clock.advance(3);
      }
      await clock.advance(5);
      for (const one of inWork) queue.done(one);
      inWork.clear();
      for (let i = 0; i < 3; i += 1) await take();
      expect([...owed]).toEqual([]);
      await settle();
    }),
    { numRuns: 200 },
  );
});
