/**
 * Builds of pinned Go modules, and programs out of pinned wheels, kept below one cache folder: `builds/<name>-<version>-<digest>/<name>`, and `bin/<name>` as a
 * link to the newest. The digest covers everything that decides the result, so a changed pin is another build and two
 * checkouts with different pins do not disturb each other. The whole folder may be deleted at any time.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { linkerFlags, pinnedVersion, type BinaryRecipe } from './binary-catalog.ts';
import { isExecutable, type Environment } from './binary-search.ts';
import { ManagedProcess } from './managed-process.ts';
import { tryPidLock } from './pid-lock.ts';
import { SetupError } from './setup-error.ts';

export type Note = (line: string) => void;

export type PinnedBuild = {
  readonly recipe: BinaryRecipe;
  readonly moduleFolder: string;
  /** `v1.35.4` */
  readonly version: string;
  readonly flags: string;
  readonly cacheFolder: string;
  readonly buildFolder: string;
  /** Where the program is once built. */
  readonly path: string;
};

export function cacheFolderOf(env: Environment): string {
  const chosen = env['SAGAMESH_CACHE'];
  return chosen === undefined || chosen === '' ? join(homedir(), '.cache', 'sagamesh') : chosen;
}

export function pinnedBuildOf(recipe: BinaryRecipe, cacheFolder: string): PinnedBuild {
  const moduleFolder = fileURLToPath(new URL(`../go/${recipe.moduleFolder}/`, import.meta.url));
  const version = pinnedVersion(readFileSync(join(moduleFolder, 'go.mod'), 'utf8'), recipe.pinnedModule);
  if (version === undefined) throw new Error(`${moduleFolder}go.mod does not require ${recipe.pinnedModule}`);
  const flags = linkerFlags(recipe, version);
  // Left out where there are none, so that what was built before stays good.
  const tags = recipe.tags === undefined ? [] : [recipe.tags];
  const digest = createHash('sha256').update(
    JSON.stringify([flags, process.platform, process.arch, ...tags]),
  );
  const sources = readdirSync(moduleFolder).filter((file) => /\.(go|mod|sum)$/.test(file));
  for (const file of sources.toSorted()) digest.update(file).update(readFileSync(join(moduleFolder, file)));
  const id = `${recipe.name}-${version}-${digest.digest('hex').slice(0, 12)}`;
  const buildFolder = join(cacheFolder, 'builds', id);
  return {
    recipe,
    moduleFolder,
    version,
    flags,
    cacheFolder,
    buildFolder,
    path: join(buildFolder, recipe.name),
  };
}

/** Where a program is kept, and under which name it is linked in `bin`. */
export type CacheEntry = {
  readonly name: string;
  readonly cacheFolder: string;
  readonly buildFolder: string;
  readonly path: string;
};

/** Builds unless it is built. */
export function ensureBuilt(build: PinnedBuild, go: string, note: Note): Promise<void> {
  const entry = { ...build, name: build.recipe.name };
  return ensureInCache(entry, note, (folder) => runGoBuild(build, { go, folder, note }));
}

/**
 * Has `make` put the program into a folder, unless it is in the cache; one process at a time, the others wait for its result. What `make` leaves
 * when it fails is thrown away.
 */
export async function ensureInCache(
  entry: CacheEntry,
  note: Note,
  make: (folder: string) => Promise<void>,
): Promise<void> {
  mkdirSync(join(entry.cacheFolder, 'builds'), { recursive: true });
  const release = await waitForLock(`${entry.buildFolder}.lock`, entry.name, note);
  try {
    if (!isExecutable(entry.path)) await makeAndPublish(entry, make);
    linkNewest(entry);
  } finally {
    release();
  }
}

async function makeAndPublish(entry: CacheEntry, make: (folder: string) => Promise<void>): Promise<void> {
  // Beside its final place, so that the rename that publishes it is atomic.
  const scratch = mkdtempSync(`${entry.buildFolder}.tmp-`);
  try {
    await make(scratch);
    rmSync(entry.buildFolder, { recursive: true, force: true });
    renameSync(scratch, entry.buildFolder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function waitForLock(path: string, name: string, note: Note): Promise<() => void> {
  for (let tries = 0; ; tries += 1) {
    const lock = tryPidLock(path);
    if (lock.kind === 'acquired') return lock.release;
    if (tries % 50 === 0) note(`${name}: process ${lock.holder.pid} builds it, waiting`);
    await delay(200);
  }
}

type GoBuildOptions = { readonly go: string; readonly folder: string; readonly note: Note };

async function runGoBuild(build: PinnedBuild, { go, folder, note }: GoBuildOptions): Promise<void> {
  const { recipe, version } = build;
  const title = `building ${recipe.name} ${version}`;
  note(
    `${title} from Go modules: about ${recipe.typicalBuild} on two cores, then cached in ${build.cacheFolder}`,
  );
  const logFile = join(build.cacheFolder, 'builds', `${recipe.name}.log`);
  rmSync(logFile, { force: true });
  const compile = new ManagedProcess({
    name: `go build ${recipe.name}`,
    command: go,
    args: [
      'build',
      '-v',
      '-trimpath',
      ...(recipe.tags === undefined ? [] : ['-tags', recipe.tags]),
      '-ldflags',
      build.flags,
      '-o',
      join(folder, recipe.name),
      recipe.goPackage,
    ],
    cwd: build.moduleFolder,
    env: {
      ...process.env,
      CGO_ENABLED: '0',
      GOWORK: 'off',
      GOFLAGS: '-mod=readonly -buildvcs=false',
      ...(recipe.experiment === undefined ? {} : { GOEXPERIMENT: recipe.experiment }),
    },
    logFile,
  });
  const start = performance.now();
  const ticker = setInterval(() => note(`${title}: ${progress(start, logFile)}`), 10_000);
  try {
    await compile.start();
    const exit = await compile.exited();
    if (exit?.code !== 0) {
      throw new SetupError(`${title} failed. End of ${logFile}:\n${compile.logTail(20)}`);
    }
    note(`${title}: done after ${elapsed(start)}`);
  } finally {
    clearInterval(ticker);
  }
}

/** `go build -v` prints a line per compiled package and one per downloaded module, and nothing while it links. */
function progress(start: number, logFile: string): string {
  const lines = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const packages = lines.filter((line) => !line.startsWith('go: ')).length;
  return `${elapsed(start)}, ${packages} packages compiled, last: ${lines.at(-1) ?? 'linking'}`;
}

function elapsed(start: number): string {
  return `${Math.round((performance.now() - start) / 1000)} s`;
}

function linkNewest(entry: CacheEntry): void {
  const link = join(entry.cacheFolder, 'bin', entry.name);
  mkdirSync(dirname(link), { recursive: true });
  const draft = `${link}.${process.pid}`;
  rmSync(draft, { force: true });
  symlinkSync(relative(dirname(link), entry.path), draft);
  renameSync(draft, link);
}
