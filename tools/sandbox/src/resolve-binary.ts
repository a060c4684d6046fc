/** Finds a server program, or builds it: `KUBEBUILDER_ASSETS`, then `PATH`, then the cache, then `go build`. */
import { isAtLeast, recipeOf, type BinaryName } from './binary-catalog.ts';
import { cacheFolderOf, ensureBuilt, pinnedBuildOf, type Note } from './binary-cache.ts';
import { chooseBinary, type Choice } from './binary-choice.ts';
import { findGo, isExecutable, searchBinary, type Environment } from './binary-search.ts';
import { SetupError } from './setup-error.ts';

export type ResolveOptions = {
  /** Read: `KUBEBUILDER_ASSETS`, `PATH`, `SAGAMESH_CACHE`. Ours when left out. */
  readonly env?: Environment;
  /** Progress of a build, and why candidates were passed over; stderr when left out. */
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
  const note = options.note ?? ((line: string) => process.stderr.write(`${line}\n`));
  const recipe = recipeOf(name);
  const build = pinnedBuildOf(recipe, cacheFolderOf(env));
  const cached = isExecutable(build.path) ? build.path : undefined;
  const found = await searchBinary(recipe, env, (version) => isAtLeast(version, recipe.minimum));
  const go = cached === undefined ? await findGo(env) : undefined;
  const choice = chooseBinary({ recipe, found, cached, go: go?.version, cacheFolder: build.cacheFolder });
  if (choice.kind === 'missing') throw new SetupError(choice.message);
  for (const line of choice.notes) note(`${name}: ${line}`);
  if (choice.kind === 'use') return { path: choice.path, source: choice.source };
  await ensureBuilt(build, go?.path ?? 'go', note);
  return { path: build.path, source: 'build' };
}
