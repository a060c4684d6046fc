import { expect, it } from 'vitest';
import { percentile } from './percentile.ts';

it.each([
  { values: [], percent: 50, expected: Number.NaN },
  { values: [7], percent: 99, expected: 7 },
  { values: [3, 1, 2], percent: 50, expected: 2 },
  { values: [4, 3, 2, 1], percent: 50, expected: 2 },
  { values: Array.from({ length: 100 }, (_, index) => index + 1), percent: 99, expected: 99 },
  { values: [1, 2, 3], percent: 100, expected: 3 },
])('the $percent. percentile of $values is $expected', ({ values, percent, expected }) => {
  expect(percentile(values, percent)).toBe(expected);
});
