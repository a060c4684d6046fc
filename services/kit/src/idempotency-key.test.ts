import { expect, test } from 'vitest';
import { parseIdempotencyKey } from './idempotency-key.ts';

test.each([
  ['"8e03978e-40d5"', '8e03978e-40d5'],
  ['8e03978e-40d5', '8e03978e-40d5'],
  [' "with space and \\"quote\\"" ', 'with space and "quote"'],
  ['""', undefined],
  ['', undefined],
  ['"open', undefined],
  ['two words', undefined],
  ['ümlaut', undefined],
  ['x'.repeat(256), undefined],
])('the header %s is the key %s', (header, key) => {
  expect(parseIdempotencyKey(header)).toBe(key);
});
