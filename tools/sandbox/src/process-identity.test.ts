import { describe, expect, it } from 'vitest';
import { identityOf, isAlive, ownProcess, parseProcStat } from './process-identity.ts';

describe('process identity', () => {
  it('reads state and start time past a name with blanks and brackets', () => {
    const after = ['S', ...Array.from({ length: 18 }, (_, index) => String(index)), '987654', 'rest'].join(
      ' ',
    );
    expect(parseProcStat(`42 (a ) b) ${after}`)).toEqual({ state: 'S', startTicks: '987654' });
  });

  it('is the same each time for a living process', () => {
    expect(identityOf(process.pid)).toBeDefined();
    expect(identityOf(process.pid)).toBe(identityOf(process.pid));
    expect(isAlive(ownProcess())).toBe(true);
  });

  it('does not take another process with the same pid for it', () => {
    expect(isAlive({ pid: process.pid, identity: 'an earlier start' })).toBe(false);
  });

  it.each([0, -1, 1.5, Number.NaN])('has none for %s', (pid) => {
    expect(identityOf(pid)).toBeUndefined();
  });
});
