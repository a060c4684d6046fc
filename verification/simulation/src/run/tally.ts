import type { Finding } from '@sagamesh/invariants/finding';
import type { RunResult } from './run-result.ts';

/** Results added up over runs. */

export interface InvariantTally {
  evaluated: number;
  violations: number;
  /** Runs in which there was something to look at. */
  runs: number;
}

export interface FailingRun {
  readonly seed: number;
  readonly violations: readonly string[];
}

export interface Tally {
  runs: number;
  sagas: number;
  virtualMillis: number;
  eventsRun: number;
  readonly bitten: Record<string, number>;
  readonly counts: Record<string, number>;
  readonly invariants: Record<string, InvariantTally>;
  readonly failing: FailingRun[];
}

export function emptyTally(): Tally {
  return {
    runs: 0,
    sagas: 0,
    virtualMillis: 0,
    eventsRun: 0,
    bitten: {},
    counts: {},
    invariants: {},
    failing: [],
  };
}

export function violationsOf({ findings }: Pick<RunResult, 'findings'>): readonly string[] {
  return findings.flatMap(({ invariant, violations }) =>
    violations.map((violation) => `${invariant}: ${violation}`),
  );
}

export function addResult(tally: Tally, result: RunResult): void {
  tally.runs += 1;
  tally.sagas += result.sagas;
  tally.virtualMillis += result.virtualMillis;
  tally.eventsRun += result.eventsRun;
  addCounts(tally.bitten, result.bitten);
  addCounts(tally.counts, result.counts);
  addFindings(tally.invariants, result.findings);
  const violations = violationsOf(result);
  if (violations.length > 0) tally.failing.push({ seed: result.seed, violations });
}

export function mergeTally(into: Tally, other: Tally): void {
  into.runs += other.runs;
  into.sagas += other.sagas;
  into.virtualMillis += other.virtualMillis;
  into.eventsRun += other.eventsRun;
  addCounts(into.bitten, other.bitten);
  addCounts(into.counts, other.counts);
  addInvariants(into.invariants, other.invariants);
  into.failing.push(...other.failing);
}

/** Of one run. */
export function addFindings(into: Record<string, InvariantTally>, findings: readonly Finding[]): void {
  for (const { invariant, evaluated, violations } of findings) {
    const one = { evaluated, violations: violations.length, runs: evaluated > 0 ? 1 : 0 };
    addInvariants(into, { [invariant]: one });
  }
}

export function addInvariants(
  into: Record<string, InvariantTally>,
  more: Readonly<Record<string, InvariantTally>>,
): void {
  for (const [invariant, { evaluated, violations, runs }] of Object.entries(more)) {
    const sum = (into[invariant] ??= { evaluated: 0, violations: 0, runs: 0 });
    sum.evaluated += evaluated;
    sum.violations += violations;
    sum.runs += runs;
  }
}

export function addCounts(into: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) into[name] = (into[name] ?? 0) + count;
}
