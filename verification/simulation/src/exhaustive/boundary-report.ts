import { allInvariants } from '@sagamesh/invariants/all-invariants';
import { addCounts, addInvariants } from '../run/tally.ts';
import type { InvariantTally } from '../run/tally.ts';
import { effectRows, errandRows, holesIn } from './boundary-coverage.ts';
import type { CoverageRow } from './boundary-coverage.ts';
import type { BoundaryTally, FailingDeath } from './boundary-tally.ts';

/** The figures of the enumeration: as data for a published page, and as lines for a terminal. */

export interface BoundaryReport {
  readonly scenarios: readonly BoundaryTally[];
  /** Boundaries of all courses, and how many of them were died at. */
  readonly boundaries: { readonly found: number; readonly died: number };
  readonly runs: number;
  readonly pairs: number;
  readonly violations: number;
  readonly invariants: Readonly<Record<string, InvariantTally>>;
  readonly deaths: Readonly<Record<string, number>>;
  /** What should have been died at and was not, and invariants that looked at nothing. */
  readonly holes: readonly string[];
}

export function reportOf(tallies: readonly BoundaryTally[], found: number): BoundaryReport {
  const deaths: Record<string, number> = {};
  const invariants: Record<string, InvariantTally> = {};
  for (const tally of tallies) {
    addCounts(deaths, tally.deaths);
    addInvariants(invariants, tally.invariants);
  }
  const sum = (of: (tally: BoundaryTally) => number) =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const blind = allInvariants.filter(({ id }) => (invariants[id]?.evaluated ?? 0) === 0);
  return {
    scenarios: tallies,
    boundaries: { found, died: sum(({ boundaries }) => boundaries) },
    runs: sum(({ runs }) => runs),
    pairs: sum(({ pairs }) => pairs),
    violations: sum(({ failing }) => failing.flatMap(({ violations }) => violations).length),
    invariants,
    deaths,
    holes: [...holesIn(deaths), ...blind.map(({ id }) => `${id} evaluated nothing`)],
  };
}

/** Of a part of the scenarios nobody expects that it covers everything: no holes then. */
export type BoundaryVerdict = 'Pass' | 'Fail' | 'Inconclusive';

export function verdictOfReport(report: BoundaryReport, isWhole: boolean): BoundaryVerdict {
  if (report.violations > 0) return 'Fail';
  const { found, died } = report.boundaries;
  if (died < found || found === 0) return 'Inconclusive';
  return isWhole && report.holes.length > 0 ? 'Inconclusive' : 'Pass';
}

export function scenarioLine({ scenario, boundaries, runs, failing, outcomes }: BoundaryTally): string {
  const ends = Object.entries(outcomes).map(([outcome, count]) => `${outcome} x${count}`);
  return [
    scenario.padEnd(24),
    String(boundaries).padStart(10),
    String(runs).padStart(6),
    String(failing.length).padStart(7),
    ` ${ends.join('; ')}`,
  ].join(' ');
}

export const scenarioHeader = `${'SCENARIO'.padEnd(24)} BOUNDARIES   RUNS FAILING  OUTCOMES`;

const violationsShown = 5;

export function failingLines({ scenario, boundary, words, violations }: FailingDeath): readonly string[] {
  const more = violations.length - violationsShown;
  return [
    `${scenario}: ${words}; replay with: make sim-exhaustive ONLY=${scenario} BOUNDARY=${boundary}`,
    ...violations.slice(0, violationsShown).map((violation) => `    ${violation}`),
    ...(more > 0 ? [`    and ${more} more`] : []),
  ];
}

export function coverageLines({ deaths }: BoundaryReport): readonly string[] {
  return [...table('deaths at', effectRows, deaths), '', ...table('deaths around', errandRows, deaths)];
}

export function totalLine({ boundaries, runs, pairs, violations }: BoundaryReport): string {
  const { died, found } = boundaries;
  return `boundaries ${died}/${found}, runs ${runs} (${pairs} with two deaths), violations ${violations}`;
}

function table(
  title: string,
  rows: readonly CoverageRow[],
  deaths: Readonly<Record<string, number>>,
): readonly string[] {
  const columns = Object.keys(rows[0]?.keys ?? {});
  const line = (name: string, cells: readonly string[]) =>
    [name.padEnd(30), ...cells.map((cell, index) => cell.padStart(widthOf(columns[index])))].join(' ');
  return [
    line(title, columns),
    ...rows.map(({ title: name, keys }) =>
      line(
        name,
        columns.map((column) => {
          const key = keys[column];
          return key === undefined ? '-' : String(deaths[key] ?? 0);
        }),
      ),
    ),
  ];
}

function widthOf(column = ''): number {
  return Math.max(column.length, 7);
}
