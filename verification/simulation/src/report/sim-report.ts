import { allInvariants } from '@sagamesh/invariants/all-invariants';
import { faultKinds } from '../kernel/fault.ts';
import type { Tally } from '../run/tally.ts';
import { coverageOf } from './coverage.ts';
import { exitCodes, verdictOfTally } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** The figures of a set of runs, as lines for a terminal. The last line is the verdict. */

export interface RunFigures {
  readonly tally: Tally;
  readonly realMillis: number;
  readonly workers: number;
  readonly sqlRuns: number;
}

export function reportLines(figures: RunFigures): readonly string[] {
  const { tally } = figures;
  return [
    'faults (how often each bit)',
    ...faultKinds.map((kind) => `  ${kind.padEnd(24)} ${number(tally.bitten[kind] ?? 0)}`),
    'invariants',
    ...allInvariants.map(({ id, title }) => {
      const { evaluated, violations } = tally.invariants[id] ?? { evaluated: 0, violations: 0 };
      return `  ${id.padEnd(4)} ${number(evaluated)} evaluated ${number(violations)} violations  ${title}`;
    }),
    'coverage',
    ...coverageOf(tally).map(
      ({ title, hit, of, missing }) =>
        `  ${title.padEnd(24)} ${hit}/${of}${missing.length > 0 ? `  missing: ${missing.join(', ')}` : ''}`,
    ),
    ...tally.failing.flatMap(({ seed, violations }) => [
      `seed ${seed} fails; replay with: make sim SEED=${seed} COUNT=1`,
      ...violations.slice(0, 10).map((violation) => `    ${violation}`),
      ...(violations.length > 10 ? [`    and ${violations.length - 10} more`] : []),
    ]),
    speedLine(figures),
    verdictLine(tally, verdictOfTally(tally)),
  ];
}

function speedLine({ tally, realMillis, workers, sqlRuns }: RunFigures): string {
  const seconds = Math.max(realMillis, 1) / 1_000;
  const hours = tally.virtualMillis / 3_600_000;
  return (
    `${tally.runs} runs (${sqlRuns} of them on SQL), ${tally.sagas} sagas, ${hours.toFixed(1)} virtual hours in ${seconds.toFixed(1)} s ` +
    `with ${workers} workers: ${(tally.sagas / seconds).toFixed(0)} sagas/s, ${((tally.sagas / seconds) * 60).toFixed(0)} a minute`
  );
}

function verdictLine(tally: Tally, verdict: Verdict): string {
  switch (verdict.kind) {
    case 'Pass':
      return `Pass: ${tally.runs} seeds, ${tally.sagas} sagas, no violation (exit ${exitCodes.Pass})`;
    case 'Fail':
      return `Fail: ${verdict.violations} violations in ${verdict.seeds.length} of ${tally.runs} seeds (first: ${verdict.seeds[0]}; exit ${exitCodes.Fail})`;
    case 'Inconclusive':
      return `Inconclusive: no violation in ${tally.runs} seeds, but ${verdict.missing.length} things never happened (exit ${exitCodes.Inconclusive})`;
  }
}

function number(value: number): string {
  return value.toLocaleString('en').padStart(12);
}
