import { expect, test } from 'vitest';
import { createBackoff } from './backoff.ts';
import { VirtualClock } from './testing/virtual-clock.ts';
import { createTokenBucket } from './token-bucket.ts';

test('a burst is free, then each caller gets its own place in line', () => {
  const bucket = createTokenBucket({ qps: 10, burst: 2 });
  expect([0, 0, 0, 0].map((now) => bucket.reserve(now))).toEqual([0, 0, 100, 200]);
});

test('a bucket fills up with time, never above the burst', () => {
  const bucket = createTokenBucket({ qps: 10, burst: 2 });
  bucket.reserve(0);
  bucket.reserve(0);
  expect([60_000, 60_000, 60_000].map((now) => bucket.reserve(now))).toEqual([0, 0, 100]);
});

test('backoff doubles up to its maximum, stretched by at most the jitter', () => {
  const timing = { initialMillis: 800, maxMillis: 30_000, jitter: 1, resetAfterMillis: 120_000 };
  const plain = createBackoff(timing, new VirtualClock(), () => 0);
  expect(Array.from({ length: 8 }, () => plain.nextMillis())).toEqual([
    800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000,
  ]);
  expect(createBackoff(timing, new VirtualClock(), () => 0.5).nextMillis()).toBe(1_200);
});

test('backoff begins anew after a healthy while', async () => {
  const clock = new VirtualClock();
  const timing = { initialMillis: 800, maxMillis: 30_000, jitter: 0, resetAfterMillis: 120_000 };
  const backoff = createBackoff(timing, clock, () => 0);
  backoff.nextMillis();
  expect(backoff.nextMillis()).toBe(1_600);
  await clock.advance(120_001);
  expect(backoff.nextMillis()).toBe(800);
});
