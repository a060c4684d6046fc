import type { TrackRecord } from '../track-record.ts';
import type { Part, RobustnessFigures, Surroundings, VerdictKind } from './figures.ts';
import { number, table } from './markdown.ts';
import { boundarySection, contractSection, mutantSection, trackRecordSection } from './other-sections.ts';
import {
  contractVerdict,
  exhaustiveVerdict,
  mutantVerdict,
  overallVerdict,
  simVerdict,
  verdictOfPart,
} from './part-verdicts.ts';
import { invariantSection, simulationSection } from './simulation-sections.ts';

/** docs/robustness.md from its figures. Pure; what was not run is said, not left out. */
export function robustnessPage(figures: RobustnessFigures, records: readonly TrackRecord[]): string {
  return [
    '# Robustness',
    '',
    'What was tried against the promises of [guarantees](guarantees.md), and what came of it. Written by `make robustness`; never edited by hand.',
    '',
    ...whatWasRun(figures),
    ...simulationSection(figures),
    ...invariantSection(figures),
    ...boundarySection(figures),
    ...mutantSection(figures),
    ...contractSection(figures),
    ...trackRecordSection(records),
    ...whereItRan(figures.surroundings),
  ].join('\n');
}

function whatWasRun(figures: RobustnessFigures): readonly string[] {
  const { sims, exhaustive, mutants, knownMutants, contracts } = figures;
  const row = <Figures>(name: string, part: Part<Figures>, of: (figures: Figures) => VerdictKind) =>
    part.kind === 'notRun'
      ? [name, `not run: ${part.why}`, '', '', '', '']
      : [
          name,
          verdictOfPart(part, of),
          `\`${part.info.command}\``,
          part.info.commit ?? 'not stated',
          part.info.date,
          part.info.seconds === null ? 'not stated' : number(part.info.seconds),
        ];
  return [
    '## What was run',
    '',
    `Overall: **${overallVerdict(figures)}**. \`Pass\`: no violation, and everything that had to be tried was tried. \`Inconclusive\`: no violation, but something`,
    'was not tried or not run. `Fail`: a promise was broken.',
    '',
    ...table(
      ['part', 'verdict', 'command', 'commit', 'date', '#seconds'],
      [
        ...sims.map(({ name, part }) => row(`simulation, ${name}`, part, simVerdict)),
        row('boundaries and small scopes', exhaustive, exhaustiveVerdict),
        row('seeded bugs', mutants, (results) => mutantVerdict(results, knownMutants)),
        row('contract suites', contracts, contractVerdict),
      ],
    ),
    '',
  ];
}

function whereItRan({ commit, date, machine, versions }: Surroundings): readonly string[] {
  return [
    '## Where it ran',
    '',
    ...table(
      ['', ''],
      [
        ['page written', `${date}, at commit ${commit}`],
        ['machine', machine],
        ...versions.map((each) => [...each]),
      ],
    ),
    '',
  ];
}
