import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import {
  objectFilesOf,
  readObjects,
  type ManifestObject,
  type ManifestSet,
  type ObjectFile,
} from './manifest-object.ts';

/** Reads the committed manifests: environments as `kubectl apply -k` renders them, the rest as it lies there. */

export interface ManifestFolder {
  readonly name: string;
  readonly rendered: boolean;
  /** Files that are applied by hand, where a cluster has what they need. */
  readonly byHand?: readonly string[];
}

/** `crd` and `operator` are part of each environment. */
export const committedFolders: readonly ManifestFolder[] = [
  { name: 'kind', rendered: true },
  { name: 'production', rendered: true, byHand: ['service-monitors.yaml'] },
  { name: 'local', rendered: true },
  { name: 'samples', rendered: false },
];

export async function readSet(root: string, folder: ManifestFolder, kubectl: Kubectl): Promise<ManifestSet> {
  const path = join(root, folder.name);
  if (!folder.rendered) return { name: folder.name, objects: objectsBelow(path) };
  const { code, stdout, stderr } = await kubectl(['kustomize', path]);
  if (code !== 0) throw new Error(`kubectl kustomize ${path} failed: ${stderr.trim()}`);
  const byHand = (folder.byHand ?? []).flatMap((file) => readFile(join(path, file)));
  return { name: folder.name, objects: [...readObjects(stdout, path), ...byHand] };
}

/** All objects in files below a folder, except kustomizations, which are no objects. */
export function objectsBelow(path: string): readonly ManifestObject[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml') && !file.endsWith('kustomization.yaml'))
    .toSorted()
    .flatMap((file) => readFile(join(path, file)));
}

function readFile(path: string): readonly ManifestObject[] {
  return readObjects(readFileSync(path, 'utf8'), path);
}

export interface WrittenSet {
  readonly set: ManifestSet;
  readonly folder: string;
  readonly files: readonly ObjectFile[];
}

/** A file per object below `root`, for judges that read files. */
export function writeSet(root: string, set: ManifestSet): WrittenSet {
  const folder = join(root, set.name);
  mkdirSync(folder, { recursive: true });
  const files = objectFilesOf(set);
  for (const { fileName, text } of files) writeFileSync(join(folder, fileName), text);
  return { set, folder, files };
}
