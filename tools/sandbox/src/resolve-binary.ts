/** Finds a server program, or builds it: `KUBEBUILDER_ASSETS`, then `PATH`, then the cache, then `go build`. */
import { isAtLeast, recipeOf, type BinaryName } from './binary-catalog.ts';
import { cacheFolderOf, ensureBuilt, pinnedBuildOf, type Note } from './binary-cache.ts';
import { chooseBinary, type Choice } from './binary-choice.ts';
import { findGo, isExecutable, searchBinary, type Environment } from './binary-search.ts';
import { SetupError } from './setup-error.ts';

export type ResolveOptions = {
  /** Read: `KUBEBUILDER_ASSETS`, `PATH`, `SAGAMESH_CACHE`. Ours when left out. */
  readonly env?: Environment;
  /** Told why candidates were passed over, and how a build goes on. Left out: builds on stderr, nothing else. */
  readonly note?: Note;
};

export type Resolved = {
  readonly path: string;
  readonly source: Extract<Choice, { kind: 'use' }>['source'] | 'build';
};

/** The path of a usable program. Throws SetupError, naming every way out, when there is none and none can be built. */
export async function resolveBinary(name: BinaryName, options: ResolveOptions = {}): Promise<string> {
  return (await resolveBinaryWithSource(name, options)).path;
}

export async function resolveBinaryWithSource(
  name: BinaryName,
  options: ResolveOptions = {},
): Promise<Resolved> {
  const env = options.env ?? process.env;
  const recipe = recipeOf(name);
  const build = pinnedBuildOf(recipe, cacheFolderOf(env));
  const cached = isExecutable(build.path) ? build.path : undefined;
  const found = await searchBinary(recipe, env, (version) => isAtLeast(version, recipe.minimum));
  const go = cached === undefined ? await findGo(env) : undefined;
  const choice = chooseBinary({ recipe, found, cached, go: go?.version, cacheFolder: build.cacheFolder });
  if (choice.kind === 'missing') throw new SetupError(choice.message);
  for (const line of choice.notes) options.note?.(`${name}: ${line}`);
  if (choice.kind === 'use') return { path: choice.path, source: choice.source };
  await ensureBuilt(build, go?.path ?? 'go', options.note ?? writeToStderr);
  return { path: build.path, source: 'build' };
}

function writeToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
