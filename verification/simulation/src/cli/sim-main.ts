import { readFileSync, writeFileSync } from 'node:fs';
import { coverageOf } from '../report/coverage.ts';
import { reportLines } from '../report/sim-report.ts';
import { exitCodes, verdictOfTally } from '../report/verdict.ts';
import { makePlan } from '../schedule/make-plan.ts';
import { readPlan } from '../schedule/read-plan.ts';
import { buildWorker } from './build-worker.ts';
import { explainFailure } from './explain-failure.ts';
import { readSettings } from './sim-settings.ts';
import type { SimSettings } from './sim-settings.ts';
import { workersByDefault } from './spread.ts';
import { runPool } from './worker-pool.ts';

/** `make sim SEED=7 COUNT=2000`, `make sim PLAN=<file>`, `make sim-soak MINUTES=30`: runs systems and says what they brought to light. */

const seedsPerOrder = 10;
const repeatEvery = 50;
const silenceMillisMax = 300_000;
const tellEveryMillis = 10_000;
const usageError = 64;

const read = readSettings(process.env, Math.floor(Math.random() * 1_000_000_000));
if (read.kind === 'invalid') refuse('Bad settings', read.problems);
else if (read.settings.planFile === undefined) await runSeeds(read.settings);
else await runFile(read.settings.planFile);

function refuse(what: string, problems: readonly string[]): void {
  console.error([`${what}:`, ...problems.map((problem) => `  ${problem}`)].join('\n'));
  process.exitCode = usageError;
}

async function runFile(file: string): Promise<void> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return refuse(`Cannot read the plan ${file}`, [String(error)]);
  }
  const plan = readPlan(text);
  if (plan.kind === 'invalid') return refuse(`${file} is no plan`, plan.problems);
  const { lines, fails } = await explainFailure(plan.plan, file);
  for (const line of lines) console.log(line);
  process.exitCode = fails ? exitCodes.Fail : exitCodes.Pass;
}

async function runSeeds(settings: SimSettings): Promise<void> {
  const { seed, count, minutes, sqlEvery, outFile } = settings;
  const beganMillis = performance.now();
  console.log(
    minutes === undefined
      ? `seeds ${seed} to ${seed + count - 1}: make sim SEED=${seed} COUNT=${count}`
      : `seeds from ${seed} on, for ${minutes} minutes`,
  );
  const seeds = seedSource(settings, beganMillis);
  const tally = await runPool({
    bundle: await buildWorker('worker', 'cli/worker.ts'),
    nextSeeds: seeds.next,
    sqlEvery,
    repeatEvery,
    silenceMillisMax,
    onTally: progress(),
  });
  const realMillis = performance.now() - beganMillis;
  const sqlRuns = sqlEvery === 0 ? 0 : seeds.handedOut().filter((each) => each % sqlEvery === 0).length;
  const lines = reportLines({ tally, realMillis, workers: workersByDefault(), sqlRuns });
  const verdict = verdictOfTally(tally);
  if (outFile !== undefined) {
    const figures = { seed, sqlRuns, realMillis, tally, coverage: coverageOf(tally), verdict: verdict.kind };
    writeFileSync(outFile, `${JSON.stringify(figures, null, 2)}\n`);
  }
  for (const line of lines.slice(0, -1)) console.log(line);
  const [first] = tally.failing;
  if (first !== undefined) {
    const explained = await explainFailure(makePlan(first.seed), `dist/simulation/seed-${first.seed}.json`);
    for (const line of explained.lines) console.log(line);
  }
  for (const line of lines.slice(-1)) console.log(line);
  process.exitCode = exitCodes[verdict.kind];
}

function seedSource({ seed, count, minutes }: SimSettings, beganMillis: number) {
  const endsMillis = minutes === undefined ? undefined : beganMillis + minutes * 60_000;
  const handedOut: number[] = [];
  return {
    handedOut: (): readonly number[] => handedOut,
    next: (): readonly number[] | undefined => {
      if (endsMillis !== undefined && performance.now() >= endsMillis) return undefined;
      const left = endsMillis === undefined ? count - handedOut.length : seedsPerOrder;
      const from = seed + handedOut.length;
      const seeds = Array.from({ length: Math.min(seedsPerOrder, left) }, (_, index) => from + index);
      handedOut.push(...seeds);
      return seeds;
    },
  };
}

function progress() {
  let toldMillis = performance.now();
  return ({
    runs,
    sagas,
    failing,
  }: {
    readonly runs: number;
    readonly sagas: number;
    readonly failing: readonly unknown[];
  }) => {
    if (performance.now() - toldMillis < tellEveryMillis) return;
    toldMillis = performance.now();
    console.log(`  ${runs} runs, ${sagas} sagas, ${failing.length} failing`);
  };
}
