import { mkdirSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { allMutants } from '../mutants/all-mutants.ts';
import { harmlessBugs } from '../mutants/harmless-bugs.ts';
import {
  contractFiguresSchema,
  exhaustiveFiguresSchema,
  mutantFiguresSchema,
  simFiguresSchema,
} from '../report/robustness/figures.ts';
import type { RobustnessFigures } from '../report/robustness/figures.ts';
import { overallVerdict } from '../report/robustness/part-verdicts.ts';
import { robustnessPage } from '../report/robustness/robustness-page.ts';
import { trackRecord } from '../report/track-record.ts';
import { exitCodes } from '../report/verdict.ts';
import { runContracts } from './contract-part.ts';
import { repository } from './repository.ts';
import { keepResults, runTarget, takeResults } from './robustness-parts.ts';
import { readRobustnessSettings } from './robustness-settings.ts';
import type { RobustnessSettings } from './robustness-settings.ts';
import { runChild } from './run-child.ts';
import { readSurroundings, serverVersions } from './surroundings.ts';

/** `make robustness`: runs the parts of the proof, or takes results of earlier runs, and writes docs/robustness.md. */

const page = 'docs/robustness.md';
const freshSeedMax = 1_000_000_000;

const read = readRobustnessSettings(process.env);
if (read.kind === 'invalid') {
  console.error(read.problem);
  process.exit(64);
}
const { settings } = read;
const folder = isAbsolute(settings.folder) ? settings.folder : join(repository, settings.folder);
mkdirSync(folder, { recursive: true });
const versions = await serverVersions();
await runParts(settings);
const figures: RobustnessFigures = {
  surroundings: await readSurroundings(versions),
  sims: simParts(),
  exhaustive: takeResults('exhaustive', folder, exhaustiveFiguresSchema, 'make sim-exhaustive'),
  mutants: takeResults('mutants', folder, mutantFiguresSchema, 'make sim-mutants'),
  knownMutants: allMutants.map(({ id }) => id),
  harmlessBugs,
  contracts: takeResults('contracts', folder, contractFiguresSchema, 'make robustness'),
};
writeFileSync(join(repository, page), robustnessPage(figures, trackRecord));
const trouble = await runChild({
  command: 'npx',
  args: ['prettier', '--log-level', 'warn', '--write', page],
  env: {},
});
if (trouble !== null) console.error(`prettier: ${trouble}`);
const verdict = overallVerdict(figures);
console.log(`${verdict}: ${page} is written`);
process.exitCode = exitCodes[verdict];

async function runParts({ seed, count, parts }: RobustnessSettings): Promise<void> {
  const sim = { target: 'sim', program: 'sim-main.ts' };
  for (const part of parts) {
    switch (part) {
      case 'fixed':
        await runTarget({ part, ...sim, variables: { SEED: `${seed}`, COUNT: `${count}` } }, folder);
        break;
      case 'fresh': {
        const fresh = Math.floor(Math.random() * freshSeedMax);
        await runTarget({ part, ...sim, variables: { SEED: `${fresh}`, COUNT: `${count}` } }, folder);
        break;
      }
      case 'exhaustive':
        await runTarget(
          { part, target: 'sim-exhaustive', program: 'exhaustive-main.ts', variables: {} },
          folder,
        );
        break;
      case 'mutants':
        await runTarget({ part, target: 'sim-mutants', program: 'mutants-main.ts', variables: {} }, folder);
        break;
      case 'contracts':
        await keepResults(part, folder, 'make robustness PARTS=contracts', () => runContracts(versions));
        break;
      case 'soak':
        break;
    }
  }
}

function simParts(): RobustnessFigures['sims'] {
  const take = (part: 'fixed' | 'fresh' | 'soak') =>
    takeResults(part, folder, simFiguresSchema, part === 'soak' ? 'make sim-soak' : 'make sim');
  const soak = take('soak');
  return [
    { name: 'fixed seeds', part: take('fixed') },
    { name: 'fresh seeds', part: take('fresh') },
    // Hours are for those who have them; without a file nobody was asked to run it.
    ...(soak.kind === 'done' ? [{ name: 'soak', part: soak }] : []),
  ];
}
