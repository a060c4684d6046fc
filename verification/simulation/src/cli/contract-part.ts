import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { contractFiguresOf } from '../report/robustness/contract-cases.ts';
import type { VitestRun } from '../report/robustness/contract-cases.ts';
import type { ServerVersions } from '../report/robustness/contract-suites.ts';
import { serverTests } from '../report/robustness/contract-suites.ts';
import type { ContractFigures } from '../report/robustness/figures.ts';
import { moreServers } from './more-servers.ts';
import { repository } from './repository.ts';
import { runChild } from './run-child.ts';

/** Runs the contract suites through vitest: on the fakes, on the real things at hand, and on servers of other versions. */

/** The slowest of them takes five minutes on a busy machine. */
const vitestMillisMax = 20 * 60_000;
const tops = ['packages', 'operator', 'services', 'verification'];
/** The cases on PGlite are run once. */
const databaseSuites = 'postgres|what only a server can show|races on two connections';

export async function runContracts(versions: ServerVersions): Promise<ContractFigures> {
  const scratch = mkdtempSync(join(tmpdir(), 'sagamesh-contracts-'));
  const runs: VitestRun[] = [];
  const notRun: ContractFigures['notRun'][number][] = [];
  const run = async (what: Vitest, on: ServerVersions): Promise<void> => {
    if (what.files.length === 0) return;
    const file = join(scratch, `${runs.length}-${notRun.length}.json`);
    const trouble = await vitest(what, file);
    if (existsSync(file))
      runs.push({ json: JSON.parse(readFileSync(file, 'utf8')), versions: on, root: repository });
    else notRun.push({ what: what.what, why: trouble ?? 'vitest wrote no results' });
  };
  try {
    const files = testsOfSuites();
    const ring = (isInt: boolean) => files.filter((file) => file.endsWith('.int.test.ts') === isInt);
    await run({ what: 'the unit ring', project: 'unit', files: ring(false), env: {} }, versions);
    await run({ what: 'the int ring', project: 'int', files: ring(true), env: {} }, versions);
    for (const { name, version, prepare } of moreServers) {
      const what = `${name} ${version}`;
      const prepared = await prepare();
      if ('why' in prepared) {
        notRun.push({ what, why: prepared.why });
        continue;
      }
      const { env } = prepared;
      const isNats = name === 'nats-server';
      const own = ring(true).filter((file) => usesServer(file, isNats));
      const filter = isNats ? {} : { filter: databaseSuites };
      const on = isNats ? { ...versions, nats: version } : { ...versions, postgres: version };
      await run({ what, project: 'int', files: own, env, ...filter }, on);
    }
    const figures = contractFiguresOf(runs);
    return { ...figures, notRun: [...figures.notRun, ...notRun] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Vitest {
  readonly what: string;
  readonly project: 'unit' | 'int';
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Part of the names of the cases. */
  readonly filter?: string;
}

function vitest({ what, project, files, env, filter }: Vitest, outputFile: string): Promise<string | null> {
  console.log(`contract suites: ${what}`);
  const only = filter === undefined ? [] : ['-t', filter];
  return runChild({
    command: process.execPath,
    args: [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      project,
      '--reporter=json',
      `--outputFile=${outputFile}`,
      ...only,
      ...files,
    ],
    env,
    millisMax: vitestMillisMax,
  });
}

/** Tests that run a suite, and the tests of real servers beside them. */
function testsOfSuites(): readonly string[] {
  const beside = serverTests.map(({ file }) => file);
  return tops
    .flatMap((top) => testFiles(join(repository, top)))
    .map((path) => relative(repository, path))
    .filter((file) => beside.includes(file) || /from '[^']*\.behaviour(\.ts)?'/.test(textOf(file)));
}

function usesServer(file: string, isNats: boolean): boolean {
  return isNats ? textOf(file).includes('@sagamesh/sandbox/nats-server') : /'postgres'/.test(textOf(file));
}

function textOf(file: string): string {
  return readFileSync(join(repository, file), 'utf8');
}

function testFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}
