import { allInvariants } from '@sagamesh/invariants/all-invariants';
import { faultKinds } from '../../kernel/fault.ts';
import type { Part, RobustnessFigures, SimFigures } from './figures.ts';
import { decimal, number, table } from './markdown.ts';

/** What the seeded runs say: figures, faults, coverage; and the invariants, with what the enumeration adds to them. */

interface Range {
  readonly name: string;
  readonly figures: SimFigures;
}

export function simulationSection({ sims }: RobustnessFigures): readonly string[] {
  const ranges = rangesOf(sims);
  const columns = ['', ...ranges.map(({ name }) => `#${name}`)];
  const row = (title: string, of: (figures: SimFigures) => string) => [
    title,
    ...ranges.map(({ figures }) => of(figures)),
  ];
  return [
    '## Simulation',
    '',
    'Each seed is one system in virtual time: operators, services, databases, broker, API server, provider and people, with about 24 sagas and a',
    'phase of faults; then everything heals, and everything must end.',
    '',
    ...notRunLines(sims),
    ...(ranges.length === 0 ? [] : [...table(columns, figureRows(row)), '']),
    ...ranges.flatMap(inconclusiveLines),
    ...ranges.flatMap(failingLines),
    '### Faults of the simulation',
    '',
    'How often each kind really bit. A window that was open while nothing happened counts as nothing.',
    '',
    ...table(
      columns,
      faultKinds.map((kind) => row(`\`${kind}\``, ({ tally }) => number(tally.bitten[kind] ?? 0))),
    ),
    '',
    '### Coverage',
    '',
    'What must have happened at least once, or a run without a violation says little.',
    '',
    ...table(columns, coverageRows(ranges)),
    '',
    ...ranges.flatMap(missingLines),
  ];
}

type RowOf = (title: string, of: (figures: SimFigures) => string) => readonly string[];

function figureRows(row: RowOf): readonly (readonly string[])[] {
  return [
    row('seeds', ({ seed, tally }) => `${seed} to ${seed + tally.runs - 1}`),
    row('systems', ({ tally }) => number(tally.runs)),
    row('of them on a real SQL engine (PGlite)', ({ sqlRuns }) => number(sqlRuns)),
    row('sagas', ({ tally }) => number(tally.sagas)),
    row('virtual hours', ({ tally }) => decimal(tally.virtualMillis / 3_600_000)),
    row('real minutes', ({ realMillis }) => decimal(realMillis / 60_000)),
    row('sagas per minute', ({ tally, realMillis }) =>
      number(tally.sagas / (Math.max(realMillis, 1) / 60_000)),
    ),
    row('events of the scheduler', ({ tally }) => number(tally.eventsRun)),
    row('seeds with a violation', ({ tally }) => number(tally.failing.length)),
    row('verdict', ({ verdict }) => verdict),
  ];
}

function coverageRows(ranges: readonly Range[]): readonly (readonly string[])[] {
  const titles = [...new Set(ranges.flatMap(({ figures }) => figures.coverage.map(({ title }) => title)))];
  return titles.map((title) => [
    title,
    ...ranges.map(({ figures }) => {
      const group = figures.coverage.find((each) => each.title === title);
      return group === undefined ? '-' : `${group.hit}/${group.of}`;
    }),
  ]);
}

function missingLines({ name, figures }: Range): readonly string[] {
  const missing = figures.coverage.filter((group) => group.missing.length > 0);
  if (missing.length === 0) return [];
  return [
    `Never happened (${name}):`,
    '',
    ...missing.map((group) => `- ${group.title}: ${group.missing.join(', ')}`),
    '',
  ];
}

function inconclusiveLines({ name, figures }: Range): readonly string[] {
  if (figures.verdict !== 'Inconclusive') return [];
  return [
    `**Inconclusive** (${name}): no violation, but some things never happened; they are listed below.`,
    '',
  ];
}

function failingLines({ name, figures }: Range): readonly string[] {
  const { failing } = figures.tally;
  if (failing.length === 0) return [];
  return [
    `**Violations** (${name}):`,
    '',
    ...failing
      .slice(0, 20)
      .map(({ seed, violations }) => `- \`make sim SEED=${seed} COUNT=1\`: ${violations[0] ?? ''}`),
    ...(failing.length > 20 ? [`- and ${failing.length - 20} more seeds`] : []),
    '',
  ];
}

export function invariantSection({ sims, exhaustive }: RobustnessFigures): readonly string[] {
  const runs = rangesOf(sims);
  const inSims = (id: string, what: 'evaluated' | 'violations') =>
    runs.reduce((sum, { figures }) => sum + (figures.tally.invariants[id]?.[what] ?? 0), 0);
  const inDeaths = (id: string, what: 'evaluated' | 'violations') =>
    exhaustive.kind === 'done' ? (exhaustive.figures.invariants[id]?.[what] ?? 0) : undefined;
  return [
    '## Invariants',
    '',
    'Checked after every run by code that shares nothing with what it judges (`verification/invariants/src`). "Evaluated" counts the things that were',
    'looked at; where it is 0, nothing was proved.',
    '',
    ...table(
      ['', 'what always holds', '#evaluated in seeds', '#evaluated at boundaries', '#violations'],
      allInvariants.map(({ id, title }) => {
        const atBoundaries = inDeaths(id, 'evaluated');
        return [
          id,
          title,
          runs.length === 0 ? 'not run' : number(inSims(id, 'evaluated')),
          atBoundaries === undefined ? 'not run' : number(atBoundaries),
          number(inSims(id, 'violations') + (inDeaths(id, 'violations') ?? 0)),
        ];
      }),
    ),
    '',
  ];
}

function rangesOf(sims: RobustnessFigures['sims']): readonly Range[] {
  return sims.flatMap(({ name, part }) => (part.kind === 'done' ? [{ name, figures: part.figures }] : []));
}

function notRunLines(sims: readonly { readonly name: string; readonly part: Part<SimFigures> }[]) {
  return sims.flatMap(({ name, part }) =>
    part.kind === 'notRun' ? [`${name}: not run: ${part.why}`, ''] : [],
  );
}
