/** Looks at this machine for server programs and for Go. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { parseVersion, type BinaryRecipe, type Version } from './binary-catalog.ts';
import type { Found } from './binary-choice.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const run = promisify(execFile);

/** Every candidate in search order, each asked for its version, up to and including the first that `accept`s. */
export async function searchBinary(
  recipe: BinaryRecipe,
  env: Environment,
  accept: (version: Version) => boolean,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const { source, folder } of searchFolders(env)) {
    const path = join(folder, recipe.name);
    if (!isExecutable(path)) continue;
    const version = await versionOf(path, recipe.versionArgs, recipe.versionPattern);
    found.push({ source, path, version });
    if (version !== undefined && accept(version)) break;
  }
  return found;
}

export async function findGo(
  env: Environment,
): Promise<{ readonly path: string; readonly version: Version } | undefined> {
  for (const folder of pathFolders(env)) {
    const path = join(folder, 'go');
    if (!isExecutable(path)) continue;
    const version = await versionOf(path, ['version'], /go version go(\S+)/);
    if (version !== undefined) return { path, version };
  }
  return undefined;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export function pathFolders(env: Environment): readonly string[] {
  const folders = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && existsSync(folder));
  const seen = new Set<string>();
  return folders.filter((folder) => {
    const real = realpathSync(folder); // `/bin` is `/usr/bin` on most machines
    if (seen.has(real)) return false;
    seen.add(real);
    return true;
  });
}

function searchFolders(
  env: Environment,
): readonly { readonly source: Found['source']; readonly folder: string }[] {
  const assets = env['KUBEBUILDER_ASSETS'];
  return [
    ...(assets === undefined || assets === ''
      ? []
      : [{ source: 'KUBEBUILDER_ASSETS' as const, folder: assets }]),
    ...pathFolders(env).map((folder) => ({ source: 'PATH' as const, folder })),
  ];
}

/** Runs a program for its version; undefined when it fails, hangs or prints something else. */
export async function versionOf(
  path: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<Version | undefined> {
  try {
    const { stdout, stderr } = await run(path, [...args], { timeout: 10_000 });
    const text = pattern.exec(`${stdout}\n${stderr}`)?.[1];
    return text === undefined ? undefined : parseVersion(text);
  } catch {
    return undefined;
  }
}
