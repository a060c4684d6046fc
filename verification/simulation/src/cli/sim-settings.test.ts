import { describe, expect, it } from 'vitest';
import { readSettings } from './sim-settings.ts';

describe('the settings of make sim', () => {
  it('take a fresh seed when none is given; what make passes as empty counts as not given', () => {
    expect(readSettings({ SEED: '', COUNT: '20', MINUTES: '' }, 77)).toMatchObject({
      settings: { seed: 77, count: 20, minutes: undefined },
    });
  });

  it.each([
    ['COUNT', 'many', 'must be a whole number from 1 to 10000000'],
    ['COUNT', '0', 'must be a whole number from 1 to 10000000'],
    ['SEED', '1.5', 'must be a whole number'],
    ['MINUTES', '-1', 'must be more than 0'],
  ])('refuse %s=%s and say what to write', (name, value, text) => {
    const read = readSettings({ [name]: value }, 1);
    expect(read.kind === 'invalid' ? read.problems.join() : '').toContain(`${name}=${value}: ${text}`);
  });
});
