import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAll } from '@sagamesh/build/bundle';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { repository } from '@sagamesh/sandbox/system/manifests';
import { startSystem } from '@sagamesh/sandbox/system/system';
import { judgeAll, lineOf, scoreOf } from './checklist.ts';
import type { CodeFacts, Facts, RunningFacts } from './facts.ts';
import { gatherCode } from './gather/code-facts.ts';
import { manifestFacts, readManifests } from './gather/manifest-facts.ts';
import { gatherRunning } from './live/running-facts.ts';

/** `make checklist`: gathers the facts, prints a line for each point. Exit 0 at 14/14 only; 3 where the system cannot run. */

const environments = ['kind', 'production'];
const notRun = 3;

/** `--facts=<file>`: also writes down what was gathered, to see why a point fails. */
const factsFile = process.argv.find((argument) => argument.startsWith('--facts='))?.slice('--facts='.length);

async function runSystem(code: CodeFacts): Promise<RunningFacts> {
  await bundleAll();
  const startedAt = performance.now();
  const progress = (line: string) =>
    console.error(`  ${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${line}`);
  const dataDir = await DataDir.temporary();
  try {
    const system = await startSystem({ dataDir, databases: 'postgres', gateway: 'if-possible', progress });
    try {
      return await gatherRunning(system, code, progress);
    } finally {
      await system.stop();
    }
  } finally {
    dataDir.close({ remove: true });
  }
}

async function gather(): Promise<Facts> {
  const code = gatherCode(repository);
  return {
    services: code.services.map(({ name }) => name),
    manifests: environments.map((environment) =>
      manifestFacts(environment, readManifests(join(repository, 'manifests', environment))),
    ),
    code,
    running: await runSystem(code),
  };
}

try {
  const facts = await gather();
  if (factsFile !== undefined) writeFileSync(factsFile, JSON.stringify(facts, null, 2));
  const judged = judgeAll(facts);
  for (const one of judged) console.log(lineOf(one));
  console.log(scoreOf(judged));
  process.exitCode = judged.every(({ ok }) => ok) ? 0 : 1;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.log(`NOT RUN: make checklist: ${error.message}`);
  process.exitCode = notRun;
}
