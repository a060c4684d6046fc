import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GeneratedFile } from './yaml-file.ts';

/** What is not as it should be in the working tree. */
export interface Difference {
  readonly path: string;
  readonly kind: 'missing' | 'changed' | 'left over';
}

/** Compares the tree under `root` with `files`; in `folders`, a file that is not among them is left over. */
export function differences(
  root: string,
  files: readonly GeneratedFile[],
  folders: readonly string[],
): readonly Difference[] {
  const wanted = new Set(files.map(({ path }) => path));
  const off = files.flatMap(({ path, content }): readonly Difference[] => {
    const found = readIfThere(join(root, path));
    if (found === undefined) return [{ path, kind: 'missing' }];
    return found === content ? [] : [{ path, kind: 'changed' }];
  });
  const extra = folders
    .flatMap((folder) => list(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => !wanted.has(path));
  return [...off, ...extra.map((path) => ({ path, kind: 'left over' }) as const)];
}

/** Makes the tree as it should be, and touches nothing that already is. */
export function repair(root: string, files: readonly GeneratedFile[], off: readonly Difference[]): void {
  const contents = new Map(files.map(({ path, content }) => [path, content]));
  for (const { path } of off) {
    const content = contents.get(path);
    if (content === undefined) {
      rmSync(join(root, path));
      continue;
    }
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
