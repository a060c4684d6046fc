import type { Tally } from '../run/tally.ts';
import { missingCoverage } from './coverage.ts';

/** 0 Pass, 1 Fail, 2 Inconclusive: something that should have been tried was not, so "no violation" says less than it seems to. */
export type Verdict =
  | { readonly kind: 'Pass' }
  | { readonly kind: 'Fail'; readonly violations: number; readonly seeds: readonly number[] }
  | { readonly kind: 'Inconclusive'; readonly missing: readonly string[] };

export const exitCodes = { Pass: 0, Fail: 1, Inconclusive: 2 } as const;

export function verdictOfTally(tally: Tally): Verdict {
  if (tally.failing.length > 0) {
    const violations = tally.failing.reduce((sum, { violations }) => sum + violations.length, 0);
    return { kind: 'Fail', violations, seeds: tally.failing.map(({ seed }) => seed) };
  }
  const missing = missingCoverage(tally);
  return missing.length > 0 ? { kind: 'Inconclusive', missing } : { kind: 'Pass' };
}
