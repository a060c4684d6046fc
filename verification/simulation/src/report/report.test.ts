import { describe, expect, it } from 'vitest';
import type { RunResult } from '../run/run-result.ts';
import { addResult, emptyTally, mergeTally } from '../run/tally.ts';
import { coverageOf } from './coverage.ts';
import { verdictOfTally } from './verdict.ts';

const result = (change: Partial<RunResult> = {}): RunResult => ({
  seed: 1,
  traceHash: 'abc',
  sagas: 24,
  virtualMillis: 1_000,
  eventsRun: 10,
  bitten: { 'bus.lose': 2 },
  counts: { 'reply Executed': 3 },
  findings: [{ invariant: 'I1', evaluated: 5, violations: [] }],
  traceLines: [],
  ...change,
});

describe('the verdict', () => {
  it('is Fail as soon as one invariant is violated, and names the seed', () => {
    const tally = emptyTally();
    addResult(tally, result());
    addResult(
      tally,
      result({ seed: 9, findings: [{ invariant: 'I3', evaluated: 1, violations: ['5 cents'] }] }),
    );
    expect(verdictOfTally(tally)).toEqual({ kind: 'Fail', violations: 1, seeds: [9] });
  });

  it('is Inconclusive while something never happened', () => {
    const tally = emptyTally();
    addResult(tally, result());
    const verdict = verdictOfTally(tally);
    expect(verdict.kind).toBe('Inconclusive');
    expect(verdict.kind === 'Inconclusive' ? verdict.missing : []).toContain('fault kinds: bus.duplicate');
  });

  it('is Pass when everything happened and nothing was violated', () => {
    const tally = emptyTally();
    addResult(tally, result());
    for (const { missing, title } of coverageOf(tally)) {
      for (const name of missing) {
        if (title === 'fault kinds') tally.bitten[name] = 1;
        tally.counts[
          title === 'reply kinds' ? `reply ${name}` : title === 'saga outcomes' ? `outcome ${name}` : name
        ] = 1;
        if (title === 'invariants evaluated')
          tally.invariants[name] = { evaluated: 1, violations: 0, runs: 1 };
      }
    }
    expect(verdictOfTally(tally)).toEqual({ kind: 'Pass' });
  });
});

it('adds up over workers', () => {
  const [a, b] = [emptyTally(), emptyTally()];
  addResult(a, result());
  addResult(b, result({ seed: 2 }));
  mergeTally(a, b);
  expect(a).toMatchObject({
    runs: 2,
    sagas: 48,
    bitten: { 'bus.lose': 4 },
    invariants: { I1: { evaluated: 10, runs: 2 } },
  });
});
