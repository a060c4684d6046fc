import { reportLines } from '../report/sim-report.ts';
import { exitCodes, verdictOfTally } from '../report/verdict.ts';
import { buildWorker } from './build-worker.ts';
import { readSettings } from './sim-settings.ts';
import { runPool, workersByDefault } from './worker-pool.ts';

/** `make sim SEED=7 COUNT=2000`, `make sim-soak MINUTES=30`: runs seeds and says what they brought to light. */

const seedsPerOrder = 10;
const repeatEvery = 50;
const silenceMillisMax = 300_000;

const read = readSettings(process.env, Math.floor(Math.random() * 1_000_000_000));
if (read.kind === 'invalid') {
  console.error(['Bad settings:', ...read.problems.map((problem) => `  ${problem}`)].join('\n'));
  process.exit(64);
}
const { seed, count, minutes, sqlEvery } = read.settings;
const beganMillis = performance.now();
const endsMillis = minutes === undefined ? undefined : beganMillis + minutes * 60_000;
let next = seed;

function nextSeeds(): readonly number[] | undefined {
  if (endsMillis !== undefined && performance.now() >= endsMillis) return undefined;
  const left = endsMillis === undefined ? seed + count - next : seedsPerOrder;
  const seeds = Array.from({ length: Math.min(seedsPerOrder, left) }, (_, index) => next + index);
  next += seeds.length;
  return seeds;
}

console.log(
  minutes === undefined
    ? `seeds ${seed} to ${seed + count - 1}: make sim SEED=${seed} COUNT=${count}`
    : `seeds from ${seed} on, for ${minutes} minutes`,
);
const bundle = await buildWorker('worker', 'cli/worker.ts');
let toldMillis = performance.now();
const tally = await runPool({
  bundle,
  nextSeeds,
  sqlEvery,
  repeatEvery,
  silenceMillisMax,
  onTally: ({ runs, sagas, failing }) => {
    if (performance.now() - toldMillis < 10_000) return;
    toldMillis = performance.now();
    console.log(`  ${runs} runs, ${sagas} sagas, ${failing.length} failing`);
  },
});
const sqlRuns = sqlEvery === 0 ? 0 : Math.floor((next - 1) / sqlEvery) - Math.floor((seed - 1) / sqlEvery);
const figures = { tally, realMillis: performance.now() - beganMillis, workers: workersByDefault(), sqlRuns };
for (const line of reportLines(figures)) console.log(line);
process.exitCode = exitCodes[verdictOfTally(tally).kind];
