import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { findPostgres } from '@sagamesh/sandbox/find-postgres';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { z } from 'zod';
import type { ServerVersions } from '../report/robustness/contract-suites.ts';
import type { Surroundings } from '../report/robustness/figures.ts';
import { commitOfCopy, outputOf, repository } from './repository.ts';

/** The machine and the programs that a run used. What is missing is said, not fatal: the page shows it. */

const missing = 'missing';
const bytesPerGiB = 1024 ** 3;

export async function serverVersions(): Promise<ServerVersions> {
  return {
    nats: await versionOf(resolveBinary('nats-server'), ['--version']),
    postgres: await versionOf(
      findPostgres(process.env).then((folder) => join(folder, 'postgres')),
      ['--version'],
    ),
    pglite: packageVersion('@electric-sql/pglite'),
    apiServer: await versionOf(resolveBinary('kube-apiserver'), ['--version']),
  };
}

export async function readSurroundings(versions: ServerVersions): Promise<Surroundings> {
  const all = cpus();
  return {
    commit: await commitOfCopy(),
    date: new Date().toISOString().slice(0, 10),
    machine: `${all.length} cores (${all[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / bytesPerGiB).toFixed(0)} GiB of memory, ${process.platform} ${process.arch}`,
    versions: [
      ['Node.js', process.versions.node],
      ['nats-server', versions.nats],
      ['PostgreSQL', versions.postgres],
      ['PGlite', versions.pglite],
      ['kube-apiserver', versions.apiServer],
    ],
  };
}

async function versionOf(program: Promise<string>, args: readonly string[]): Promise<string> {
  const path = await program.catch(() => null);
  if (path === null) return missing;
  return /(\d+\.\d+[.\w-]*)/.exec((await outputOf(path, args)) ?? '')?.[1] ?? missing;
}

function packageVersion(name: string): string {
  const text = readFileSync(join(repository, 'node_modules', name, 'package.json'), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
