import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { allMutants } from '../mutants/all-mutants.ts';
import { harmlessBugs } from '../mutants/harmless-bugs.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { lineOf, resultOf, scoreOf } from '../mutants/score-mutants.ts';
import type { MutantResult } from '../mutants/score-mutants.ts';
import type { Tally } from '../run/tally.ts';
import { buildWorker } from './build-worker.ts';
import type { SourcePatch } from './build-worker.ts';
import { runPool } from './worker-pool.ts';

/**
 * `make sim-mutants`: puts one seeded bug after the other into the product, and runs seeds until an invariant notices. The product as it stands
 * must pass the same seeds first, or nothing is proved. ONLY=id[,id] tells what was violated, too, and may name the bugs that are harmless by
 * design (mutants/harmless-bugs.ts): of those no invariant may break.
 */

const settings = z
  .object({
    SEED: z.coerce.number().int().min(0).default(1),
    ONLY: z.string().optional(),
    /** A file for the results as JSON. */
    OUT: z.string().optional(),
    /** Told in OUT. */
    COMMIT: z.string().optional(),
  })
  .parse(Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')));

/** A run takes less than a second; a mutant may make it spin. */
const silenceMillisMax = 60_000;
const sentencesShown = 5;

const wanted = settings.ONLY?.split(',');
const isWanted = ({ id }: Mutant): boolean => wanted?.includes(id) ?? true;
const mutants = allMutants.filter(isWanted);
const harmless = wanted === undefined ? [] : harmlessBugs.filter(isWanted);
if (mutants.length + harmless.length === 0) {
  const ids = [...allMutants, ...harmlessBugs].map(({ id }) => id);
  console.error(`no such bug; there are: ${ids.join(' ')}`);
  process.exit(64);
}
const { SEED: firstSeed } = settings;
const beganMillis = performance.now();
const seedsMax = Math.max(...[...mutants, ...harmless].map(({ budgetSeeds }) => budgetSeeds));
const unmutated = await runSeeds('unmutated', [], seedsMax);
if (unmutated.failing.length > 0) {
  const seeds = unmutated.failing.map(({ seed }) => seed);
  console.log(
    `the product itself fails in seeds ${seeds.join(', ')}: nothing is proved (make sim SEED=${seeds[0]} COUNT=1)`,
  );
  tellSentences(unmutated);
  process.exit(1);
}
console.log(`${'(the product as it stands)'.padEnd(36)} passes     ${String(seedsMax).padStart(10)} seeds`);
const results: MutantResult[] = [];
for (const mutant of mutants) results.push(await judge(mutant, 'NOT CAUGHT'));
const misjudged: MutantResult[] = [];
for (const bug of harmless) {
  const result = await judge(bug, 'harmless');
  if (result.caught) misjudged.push(result);
}
const score = scoreOf(results);
if (settings.OUT !== undefined) {
  const { COMMIT: commit } = settings;
  writeFileSync(
    settings.OUT,
    `${JSON.stringify({ ...(commit === undefined ? {} : { commit }), ...score }, null, 2)}\n`,
  );
}
const seconds = ((performance.now() - beganMillis) / 1_000).toFixed(0);
if (results.length > 0)
  console.log(
    `${score.killed}/${score.total} caught, median seeds to detection ${score.medianSeeds ?? 'none'} (${seconds} s)`,
  );
if (misjudged.length > 0) console.log(`not harmless: ${misjudged.map(({ id }) => id).join(' ')}`);
process.exitCode = score.killed === score.total && misjudged.length === 0 ? 0 : 1;

async function judge(mutant: Mutant, whenMissed: 'NOT CAUGHT' | 'harmless'): Promise<MutantResult> {
  const tally = await runSeeds('mutant', mutant.patches, mutant.budgetSeeds);
  const result = resultOf(mutant, firstSeed, tally);
  console.log(lineOf(result, whenMissed));
  if (wanted !== undefined) tellSentences(tally);
  return result;
}

async function runSeeds(name: string, patches: readonly SourcePatch[], count: number): Promise<Tally> {
  const bundle = await buildWorker(name, 'cli/worker.ts', patches);
  let next = firstSeed;
  return runPool({
    bundle,
    // One at a time, so that the first failing seed is the same on every machine.
    nextSeeds: () => (next < firstSeed + count ? [next++] : undefined),
    sqlEvery: 0,
    repeatEvery: 0,
    stopAtFailure: true,
    silenceMillisMax,
  });
}

function tellSentences({ failing }: Tally): void {
  for (const violation of failing[0]?.violations.slice(0, sentencesShown) ?? [])
    console.log(`    ${violation}`);
}
