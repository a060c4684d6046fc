/** Checkers of business truth: pure functions over plain facts that were read from ledgers, never from the code they judge. */

export interface Finding {
  /** As numbered in docs/guarantees.md. */
  readonly invariant: string;
  /** How many things were looked at. Nothing looked at proves nothing. */
  readonly evaluated: number;
  /** One sentence each, with the figures. */
  readonly violations: readonly string[];
}

export type FindingVerdict = 'Pass' | 'Fail' | 'Inconclusive';

export function verdictOf(finding: Finding): FindingVerdict {
  if (finding.violations.length > 0) return 'Fail';
  return finding.evaluated > 0 ? 'Pass' : 'Inconclusive';
}
