import { addCounts, addFindings, addInvariants, violationsOf } from '../run/tally.ts';
import type { InvariantTally } from '../run/tally.ts';
import type { Course } from './boundary-course.ts';
import { coverageKeys } from './boundary-coverage.ts';
import type { DeathRun } from './boundary-deaths.ts';

/** What came out at the boundaries of one scenario, added up over runs and workers. */

export interface FailingDeath {
  readonly scenario: string;
  /** As BOUNDARY= takes it; 0: the undisturbed course itself. */
  readonly boundary: string;
  readonly words: string;
  readonly violations: readonly string[];
}

export interface BoundaryTally {
  readonly scenario: string;
  /** Boundaries of the course that were died at, each in all its ways. */
  boundaries: number;
  runs: number;
  /** Runs with a second death. */
  pairs: number;
  readonly outcomes: Record<string, number>;
  /** Deaths by coverage key (boundary-coverage.ts). */
  readonly deaths: Record<string, number>;
  readonly invariants: Record<string, InvariantTally>;
  readonly failing: FailingDeath[];
}

export function emptyBoundaryTally(scenario: string): BoundaryTally {
  return {
    scenario,
    boundaries: 0,
    runs: 0,
    pairs: 0,
    outcomes: {},
    deaths: {},
    invariants: {},
    failing: [],
  };
}

/** The undisturbed course is judged, too: a saga that goes wrong by itself proves nothing about deaths. */
export function addCourse(tally: BoundaryTally, { quiet, scenario }: Course): void {
  tally.runs += 1;
  addFindings(tally.invariants, quiet.findings);
  const violations = [...violationsOf(quiet)];
  if (quiet.outcome !== scenario.quiet)
    violations.push(`outcome: ${quiet.outcome} instead of ${scenario.quiet}`);
  if (violations.length === 0) return;
  tally.failing.push({ scenario: scenario.name, boundary: '0', words: 'nobody dies', violations });
}

export function addDeaths(
  tally: BoundaryTally,
  { boundaries, scenario }: Course,
  number: number,
  runs: readonly DeathRun[],
): void {
  tally.boundaries += 1;
  const at = boundaries[number - 1];
  for (const { boundary, words, run, violations } of runs) {
    tally.runs += 1;
    if (boundary.includes('+')) tally.pairs += 1;
    addCounts(tally.outcomes, { [run.outcome]: 1 });
    addFindings(tally.invariants, run.findings);
    if (at !== undefined) for (const key of coverageKeys(at)) addCounts(tally.deaths, { [key]: 1 });
    if (violations.length > 0) tally.failing.push({ scenario: scenario.name, boundary, words, violations });
  }
}

export function mergeBoundaryTally(into: BoundaryTally, other: BoundaryTally): void {
  into.boundaries += other.boundaries;
  into.runs += other.runs;
  into.pairs += other.pairs;
  addCounts(into.outcomes, other.outcomes);
  addCounts(into.deaths, other.deaths);
  addInvariants(into.invariants, other.invariants);
  into.failing.push(...other.failing);
}
