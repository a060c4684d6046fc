import { describe, expect, it } from 'vitest';
import { pauseMillis } from './announcer.ts';

describe('the pace of announcements', () => {
  it('doubles from the first pause and stays at the longest', () => {
    const pace = { afterMillis: 30_000, maxMillis: 600_000 };
    expect([1, 2, 3, 4, 5, 6, 5_000].map((repetition) => pauseMillis(repetition, pace) / 1_000)).toEqual([
      60, 120, 240, 480, 600, 600, 600,
    ]);
  });
});
