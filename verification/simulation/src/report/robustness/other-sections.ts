import type { HarmlessBug } from '../../mutants/mutant.ts';
import type { TrackRecord } from '../track-record.ts';
import { contractSuites, serverTests } from './contract-suites.ts';
import type {
  ContractFigures,
  ExhaustiveFigures,
  MutantFigures,
  Part,
  RobustnessFigures,
  ScopeFigures,
} from './figures.ts';
import { decimal, number, table } from './markdown.ts';
import { mutantsNotTried } from './part-verdicts.ts';

/** The parts of the page that are not about seeds. */

export function boundarySection({ exhaustive }: RobustnessFigures): readonly string[] {
  return [
    '## Every effect boundary',
    '',
    'A process dies before and after each publish, API write, provider call, commit and acknowledgement of each scenario, one after the other, without',
    'any randomness; some of them die twice.',
    '',
    ...linesOf(exhaustive, boundaryLines),
    '## Small scopes, searched completely',
    '',
    'Every state that the real decisions can reach in small systems, breadth first: two operators, the pending row and the provider, losses, people.',
    'From each state an end must be reachable without help, or, where only a person can help, it must be told so.',
    '',
    ...linesOf(exhaustive, ({ scopes }) =>
      scopes === undefined ? ['not run: the results say nothing of scopes', ''] : scopeLines(scopes),
    ),
  ];
}

function boundaryLines(figures: ExhaustiveFigures): readonly string[] {
  const { boundaries, runs, pairs, violations, scenarios, holes } = figures;
  return [
    `Boundaries ${number(boundaries.died)}/${number(boundaries.found)}, ${number(runs)} runs (${number(pairs)} with two deaths), ` +
      `${number(violations)} violations.`,
    '',
    ...table(
      ['scenario', '#boundaries', '#runs', '#failing', 'how they ended'],
      scenarios.map(({ scenario, boundaries, runs, failing, outcomes }) => [
        scenario,
        number(boundaries),
        number(runs),
        number(failing.length),
        Object.entries(outcomes)
          .map(([outcome, times]) => `${outcome} (${number(times)})`)
          .join(', '),
      ]),
    ),
    '',
    ...(holes.length === 0
      ? []
      : [
          '**Inconclusive**: what should have been tried and was not:',
          '',
          ...holes.map((hole) => `- ${hole}`),
          '',
        ]),
  ];
}

function scopeLines(scopes: readonly ScopeFigures[]): readonly string[] {
  const sum = (of: (scope: ScopeFigures) => number) => scopes.reduce((total, scope) => total + of(scope), 0);
  return [
    `${scopes.length} scopes, ${number(sum(({ states }) => states))} states, ${number(sum(({ transitions }) => transitions))} transitions; ` +
      `states without an end: ${number(sum(({ withoutEnd }) => withoutEnd))}; broken laws: ` +
      `${number(scopes.filter(({ problem }) => problem !== null).length)}.`,
    '',
    ...table(
      ['scope', '#states', '#transitions', '#without an end', '#wait for a person', 'broken law'],
      scopes.map(({ name, states, transitions, withoutEnd, waitingForPerson, problem }) => [
        name,
        number(states),
        number(transitions),
        number(withoutEnd),
        number(waitingForPerson),
        problem?.what ?? 'none',
      ]),
    ),
    '',
  ];
}

export function mutantSection({ mutants, knownMutants, harmlessBugs }: RobustnessFigures): readonly string[] {
  return [
    '## Seeded bugs',
    '',
    'Who judges the judge: bugs are put into the product while it is bundled for the simulation, one at a time, and seeds run until an invariant notices.',
    '',
    ...linesOf(mutants, (figures) => [
      ...mutantLines(figures),
      ...notTriedLines(mutantsNotTried(figures, knownMutants)),
    ]),
    ...harmlessLines(harmlessBugs),
  ];
}

function mutantLines({ mutants, killed, total, medianSeeds }: MutantFigures): readonly string[] {
  const median = medianSeeds === null ? 'none was caught' : decimal(medianSeeds).replace('.0', '');
  return [
    `Caught ${killed}/${total}; median seeds to detection: ${median}.`,
    '',
    ...table(
      ['bug', 'what is wrong', '#seeds', '#budget', 'caught by'],
      mutants.map(({ id, title, caught, invariants, seeds, budget }) => [
        id,
        title,
        number(seeds),
        number(budget),
        caught ? invariants.join(' ') : '**not caught**',
      ]),
    ),
    '',
  ];
}

function harmlessLines(bugs: readonly HarmlessBug[]): readonly string[] {
  if (bugs.length === 0) return [];
  return [
    'Bugs that were put in and do no harm here, because something else keeps the promise:',
    '',
    ...table(
      ['bug', 'what is wrong', 'what makes it harmless', 'tried instead'],
      bugs.map(({ id, title, maskedBy, replacedBy }) => [id, title, maskedBy, replacedBy]),
    ),
    '',
  ];
}

function notTriedLines(ids: readonly string[]): readonly string[] {
  return ids.length === 0 ? [] : [`**Inconclusive**: not tried: ${ids.join(', ')}`, ''];
}

export function contractSection({ contracts }: RobustnessFigures): readonly string[] {
  return [
    '## Contract suites',
    '',
    'What the simulation runs on is held to the suites of the real things: the same cases, fake and real side by side. Cases passed of cases run.',
    '',
    ...linesOf(contracts, contractLines),
  ];
}

function contractLines({ cases, failures, notRun }: ContractFigures): readonly string[] {
  const cellOf = (suite: string, isFake: boolean): string => {
    const own = cases.filter((each) => each.suite === suite && each.isFake === isFake);
    if (own.length === 0) return '-';
    return own
      .map(({ implementation, passed, failed }) => `${implementation}: ${passed}/${passed + failed}`)
      .join('; ');
  };
  const row = ({ title, file }: { readonly title: string; readonly file: string }) => [
    title,
    `\`${file}\``,
    cellOf(title, true),
    cellOf(title, false),
  ];
  const total = cases.reduce((sum, { passed, failed }) => sum + passed + failed, 0);
  const failed = cases.reduce((sum, each) => sum + each.failed, 0);
  return [
    `${number(total)} cases, ${number(failed)} failed.`,
    '',
    ...table(['suite', 'file', 'fake', 'real'], contractSuites.map(row)),
    '',
    'And what only a real server shows:',
    '',
    ...table(
      ['tests', 'file', 'real'],
      serverTests.map(row).map(([title = '', file = '', , real = '']) => [title, file, real]),
    ),
    '',
    ...(failures.length === 0
      ? []
      : ['**Failed**:', '', ...failures.map(({ what, on, why }) => `- ${what} (${on}): ${why}`), '']),
    ...(notRun.length === 0
      ? []
      : ['Not run:', '', ...notRun.map(({ what, why }) => `- ${what}: not run: ${why}`), '']),
  ];
}

export function trackRecordSection(records: readonly TrackRecord[]): readonly string[] {
  return [
    '## Track record',
    '',
    'Bugs of the product that this proof found, newest first. Each is fixed, and kept from coming back by the test or the seeded bug of its fix.',
    '',
    ...table(
      ['bug', 'found by', 'where', 'fix'],
      records.map(({ bug, foundBy, where, fix }) => [bug, foundBy, where, fix]),
    ),
    '',
  ];
}

function linesOf<Figures>(
  part: Part<Figures>,
  of: (figures: Figures) => readonly string[],
): readonly string[] {
  return part.kind === 'done' ? of(part.figures) : [`not run: ${part.why}`, ''];
}
