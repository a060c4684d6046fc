/** Finds checkov in the cache, or installs its pinned packages there, beside this machine's Python and not into it. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolderOf, ensureInCache, type CacheEntry } from '@sagamesh/sandbox/binary-cache';
import { isExecutable, pathFolders } from '@sagamesh/sandbox/binary-search';
import { runProgram } from '@sagamesh/sandbox/run-program';
import { SetupError } from '@sagamesh/sandbox/setup-error';

export interface Checkov {
  readonly python: string;
  /** For PYTHONPATH. */
  readonly library: string;
  readonly version: string;
}

const requirementsFile = fileURLToPath(new URL('../checkov.txt', import.meta.url));
const installTimeoutMillis = 600_000;

/** Throws SetupError, which says why there is none. */
export async function resolveCheckov(): Promise<Checkov> {
  const python = pathFolders(process.env)
    .map((folder) => join(folder, 'python3'))
    .find(isExecutable);
  if (python === undefined) throw new SetupError('there is no python3 to install it with');
  const requirements = readFileSync(requirementsFile, 'utf8');
  const version = /^checkov==(\S+)/m.exec(requirements)?.[1];
  if (version === undefined) throw new Error(`${requirementsFile} does not pin checkov`);
  const entry = await cacheEntry(python, requirements, version);
  await ensureInCache(entry, note, (folder) => install(python, folder));
  return { python, library: join(entry.buildFolder, 'lib'), version };
}

/** Some of the packages are compiled for one minor version of Python, so it is part of the entry's name. */
async function cacheEntry(python: string, requirements: string, version: string): Promise<CacheEntry> {
  const { stdout } = await runProgram(python, ['-c', 'import sys; print(sys.implementation.cache_tag)']);
  const digest = createHash('sha256').update(
    [requirements, stdout, process.platform, process.arch].join('\n'),
  );
  const cacheFolder = cacheFolderOf(process.env);
  const buildFolder = join(cacheFolder, 'builds', `checkov-${version}-${digest.digest('hex').slice(0, 12)}`);
  return { name: 'checkov', cacheFolder, buildFolder, path: join(buildFolder, 'checkov') };
}

async function install(python: string, folder: string): Promise<void> {
  note('installing checkov: about half a minute, 300 MB, then cached');
  const library = join(folder, 'lib');
  const what = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '-r', requirementsFile];
  const how = ['--disable-pip-version-check', '--no-input', '--quiet', '--retries', '1'];
  const { code, stderr } = await runProgram(
    python,
    ['-m', 'pip', 'install', ...how, ...what, '--target', library],
    { timeoutMillis: installTimeoutMillis },
  );
  if (code !== 0) {
    rmSync(library, { recursive: true, force: true });
    throw new SetupError(
      `pip could not install it: ${stderr.trim().split('\n').at(-1) ?? `exit code ${code}`}`,
    );
  }
  // Marks the installation as complete, and starts it by hand.
  const script =
    '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\nPYTHONPATH="$here/lib" exec python3 -m checkov.main "$@"\n';
  writeFileSync(join(folder, 'checkov'), script);
  chmodSync(join(folder, 'checkov'), 0o755);
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
