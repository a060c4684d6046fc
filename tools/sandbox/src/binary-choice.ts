/** Decides where a server program comes from. Pure: what was found goes in, the decision and its reasons come out. */
import { formatVersion, isAtLeast, type BinaryRecipe, type Version } from './binary-catalog.ts';

export type Found = {
  readonly source: 'KUBEBUILDER_ASSETS' | 'PATH';
  readonly path: string;
  /** Undefined: it did not run, or printed no version. */
  readonly version: Version | undefined;
};

export type Surroundings = {
  readonly recipe: BinaryRecipe;
  /** In search order. */
  readonly found: readonly Found[];
  /** The build of exactly the pinned sources in the cache. */
  readonly cached: string | undefined;
  /** The Go toolchain on PATH. */
  readonly go: Version | undefined;
  readonly cacheFolder: string;
};

export type Choice =
  | {
      readonly kind: 'use';
      readonly source: Found['source'] | 'cache';
      readonly path: string;
      readonly notes: readonly string[];
    }
  | { readonly kind: 'build'; readonly notes: readonly string[] }
  | { readonly kind: 'missing'; readonly message: string };

/** From this version on, Go fetches the newer toolchain that a `go.mod` asks for. */
const oldestGo: Version = { major: 1, minor: 21, patch: 0 };

export function chooseBinary(surroundings: Surroundings): Choice {
  const { recipe, found, cached, go } = surroundings;
  const notes: string[] = [];
  for (const candidate of found) {
    if (candidate.version !== undefined && isAtLeast(candidate.version, recipe.minimum)) {
      return { kind: 'use', source: candidate.source, path: candidate.path, notes };
    }
    notes.push(passedOver(recipe, candidate));
  }
  if (cached !== undefined) return { kind: 'use', source: 'cache', path: cached, notes };
  if (go !== undefined && isAtLeast(go, oldestGo)) return { kind: 'build', notes };
  if (go !== undefined) {
    notes.push(
      `Go ${formatVersion(go)} is too old to build it: ${formatVersion(oldestGo)} or newer is needed`,
    );
  }
  return { kind: 'missing', message: missingMessage(surroundings, notes) };
}

function passedOver(recipe: BinaryRecipe, candidate: Found): string {
  const why =
    candidate.version === undefined
      ? 'it does not run, or does not tell its version'
      : `version ${formatVersion(candidate.version)} is older than ${formatVersion(recipe.minimum)}`;
  return `passed over ${candidate.path} (${candidate.source}): ${why}`;
}

function missingMessage({ recipe, cacheFolder }: Surroundings, notes: readonly string[]): string {
  const wanted = `${recipe.name} ${formatVersion(recipe.minimum)} or newer`;
  return [
    `${recipe.name} is missing: not in KUBEBUILDER_ASSETS, not on PATH, not in ${cacheFolder}, and there is no Go to build it with.`,
    ...notes.map((note) => `  note: ${note}`),
    'Any one of these helps:',
    `  - install Go ${formatVersion(oldestGo)} or newer and run this again: ${recipe.name} is then built from pinned sources (about ${recipe.typicalBuild}, once)`,
    `  - put ${wanted} on PATH`,
    `  - set KUBEBUILDER_ASSETS to a folder that has ${wanted}`,
  ].join('\n');
}
