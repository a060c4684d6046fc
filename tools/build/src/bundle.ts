import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, version as esbuildVersion, type BuildOptions } from 'esbuild';
import { z } from 'zod';

/**
 * Bundles each process into one file, `dist/<name>.mjs`, so that it starts in a fraction of the time and a container image
 * needs no node_modules but what is named below. What did not change since the last run is left as it is.
 */

/** Loads its WebAssembly from files beside itself, so it stays a package; an image must install it. */
export const externalPackages = ['@electric-sql/pglite'] as const;

/** An optional native add-on of `pg` that is not installed. */
const absentPackages = ['pg-native'] as const;

export interface BundleEntry {
  readonly name: string;
  /** From the root of the repository, with slashes. */
  readonly source: string;
}

export interface BundleResult extends BundleEntry {
  /** Absolute. */
  readonly outfile: string;
  readonly state: 'built' | 'fresh';
}

export interface BundleRequest {
  /** Default: this repository. */
  readonly root?: string;
  /** Bundle only these names. A name without an entry is an error. */
  readonly only?: readonly string[];
}

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Throws with esbuild's own report when a source does not build. */
export async function bundleAll(request: BundleRequest = {}): Promise<readonly BundleResult[]> {
  const root = request.root ?? repository;
  const entries = chooseEntries(findEntries(root), request.only);
  const results: BundleResult[] = [];
  // One after the other: esbuild already uses every core for one bundle.
  for (const entry of entries) results.push(await bundle(root, entry));
  return results;
}

/** Every process of this repository that exists so far. */
export function findEntries(root: string): readonly BundleEntry[] {
  const services = folders(join(root, 'services')).map((name) => ({
    name,
    source: `services/${name}/src/main.ts`,
  }));
  const sinks = files(join(root, 'tools/sinks/src')).flatMap((file): readonly BundleEntry[] => {
    if (file === 'main.ts') return [{ name: 'sinks', source: 'tools/sinks/src/main.ts' }];
    const name = /^(.+)-main\.ts$/.exec(file)?.[1];
    return name === undefined ? [] : [{ name, source: `tools/sinks/src/${file}` }];
  });
  return [
    { name: 'operator', source: 'operator/src/main.ts' },
    ...services,
    { name: 'payment-provider', source: 'tools/payment-provider/src/main.ts' },
    ...sinks,
  ].filter(({ source }) => existsSync(join(root, source)));
}

function chooseEntries(
  found: readonly BundleEntry[],
  only: readonly string[] | undefined,
): readonly BundleEntry[] {
  if (only === undefined) return found;
  return only.map((name) => {
    const entry = found.find((candidate) => candidate.name === name);
    if (entry) return entry;
    const known = found.map((candidate) => candidate.name).join(', ') || 'none';
    throw new Error(`no process named ${name} has a main.ts; there are: ${known}`);
  });
}

async function bundle(root: string, entry: BundleEntry): Promise<BundleResult> {
  const outfile = join(root, 'dist', `${entry.name}.mjs`);
  const stampFile = join(root, 'dist', '.stamps', `${entry.name}.json`);
  const options = bundleOptions(root, entry, outfile);
  const optionsHash = hashOf(root, options);
  if (existsSync(outfile) && isFresh(root, stampFile, optionsHash))
    return { ...entry, outfile, state: 'fresh' };

  // Taken before the build: a file that is saved while esbuild runs must count as changed afterwards.
  const startedAt = Date.now() + 1; // file times have fractions of a millisecond
  const { metafile } = await build({ ...options, metafile: true });
  const inputs = Object.fromEntries(
    Object.keys(metafile.inputs).map((path) => [path, fingerprint(join(root, path), startedAt)]),
  );
  mkdirSync(join(root, 'dist', '.stamps'), { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ optionsHash, inputs } satisfies Stamp));
  return { ...entry, outfile, state: 'built' };
}

function bundleOptions(root: string, entry: BundleEntry, outfile: string): BuildOptions {
  return {
    absWorkingDir: root,
    entryPoints: [entry.source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'silent',
    external: [...externalPackages, ...absentPackages],
    // CommonJS packages call `require` for Node's own modules; an ES module has none by itself.
    banner: {
      js: "import { createRequire as bundleCreateRequire } from 'node:module'; const require = bundleCreateRequire(import.meta.url);",
    },
  };
}

/** What a bundle was made from: each input's `<mtime>:<size>`, by its path from the root. */
const stampSchema = z.object({ optionsHash: z.string(), inputs: z.record(z.string(), z.string()) });
type Stamp = z.infer<typeof stampSchema>;

function isFresh(root: string, stampFile: string, optionsHash: string): boolean {
  if (!existsSync(stampFile)) return false;
  const stamp = stampSchema.safeParse(parseJson(readFileSync(stampFile, 'utf8')));
  if (!stamp.success || stamp.data.optionsHash !== optionsHash) return false;
  return Object.entries(stamp.data.inputs).every(([path, known]) => fingerprint(join(root, path)) === known);
}

function fingerprint(path: string, notAfterMillis = Number.POSITIVE_INFINITY): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found || found.mtimeMs > notAfterMillis) return 'changed';
  return `${found.mtimeMs}:${found.size}`;
}

/** Changes with the options, with esbuild, and with the locked packages (a package may resolve to other files then). */
function hashOf(root: string, options: BuildOptions): string {
  const lockFile = join(root, 'package-lock.json');
  const lock = existsSync(lockFile) ? readFileSync(lockFile) : '';
  return createHash('sha256')
    .update(JSON.stringify(options))
    .update(esbuildVersion)
    .update(lock)
    .digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a stamp cut short by a crash: build again
  }
}

function folders(path: string): readonly string[] {
  return existsSync(path)
    ? readdirSync(path, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [e.name] : []))
    : [];
}

function files(path: string): readonly string[] {
  return existsSync(path)
    ? readdirSync(path, { withFileTypes: true }).flatMap((e) => (e.isFile() ? [e.name] : []))
    : [];
}
