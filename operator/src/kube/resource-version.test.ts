import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareResourceVersions } from './resource-version.ts';

describe('compareResourceVersions', () => {
  test('orders like the numbers they are, beyond what a double can hold', () => {
    const digits = fc.bigInt({ min: 0n, max: 2n ** 80n });
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const sign = Math.sign(compareResourceVersions(String(a), String(b)));
        expect(sign).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  test.each(['', '007', 'abc', '-1', '1.5', '1e3'])(
    'refuses %j, which the API promises not to send',
    (text) => {
      expect(() => compareResourceVersions(text, '1')).toThrow(RangeError);
    },
  );
});
