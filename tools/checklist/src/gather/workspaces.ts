import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { importsOf } from '@sagamesh/build/imports';
import { z } from 'zod';

/** Which files an import of ours leads to, by the `exports` of the workspaces, as Node itself resolves them. */

const packageSchema = z.object({
  name: z.string(),
  exports: z.record(z.string(), z.string()).default({}),
});

export interface Workspaces {
  /** From the root of the repository, with slashes; undefined for packages of others. */
  resolve(file: string, specifier: string): string | undefined;
  /** The folder below `services/` that a specifier or path belongs to, `kit` excluded. */
  serviceOf(pathOrSpecifier: string): string | undefined;
  read(file: string): string;
}

const topFolders = ['packages', 'services', 'tools', 'verification'];

export function openWorkspaces(root: string): Workspaces {
  const folders = [
    'operator',
    ...topFolders.flatMap((top) => foldersIn(root, top).map((name) => `${top}/${name}`)),
  ];
  const packages = new Map(
    folders
      .filter((folder) => existsSync(join(root, folder, 'package.json')))
      .map((folder) => {
        const text = readFileSync(join(root, folder, 'package.json'), 'utf8');
        const found = packageSchema.parse(JSON.parse(text));
        return [found.name, { ...found, folder }] as const;
      }),
  );
  const resolvePackage = (specifier: string): string | undefined => {
    const [scope, short, ...rest] = specifier.split('/');
    const found = packages.get(`${scope}/${short}`);
    const target = found?.exports[rest.length === 0 ? '.' : `./${rest.join('/')}`];
    return found === undefined || target === undefined ? undefined : join(found.folder, target);
  };
  return {
    resolve: (file, specifier) =>
      specifier.startsWith('.') ? join(dirname(file), specifier) : resolvePackage(specifier),
    serviceOf(pathOrSpecifier) {
      const folder = packages.get(pathOrSpecifier.split('/').slice(0, 2).join('/'))?.folder;
      const name = /^services\/([^/]+)\//.exec(`${folder ?? pathOrSpecifier}/`)?.[1];
      return name === 'kit' ? undefined : name;
    },
    read: (file) => (existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : ''),
  };
}

/** Names of the services: folders below `services/` that are processes, that is, have a `src/main.ts`. */
export function serviceNamesIn(root: string): readonly string[] {
  return foldersIn(root, 'services').filter((name) =>
    existsSync(join(root, 'services', name, 'src', 'main.ts')),
  );
}

export interface ImportEdge {
  readonly from: string;
  readonly specifier: string;
  /** Undefined: a package of others, or nothing that is there. */
  readonly to: string | undefined;
}

/** Every import that is reached from a file, of ours only; `files` are those that exist. */
export function reachFrom(
  workspaces: Workspaces,
  start: string,
): { readonly files: readonly string[]; readonly edges: readonly ImportEdge[] } {
  const files = new Set<string>();
  const edges: ImportEdge[] = [];
  const waiting = [start];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const source = workspaces.read(file);
    if (files.has(file) || source === '') continue;
    files.add(file);
    for (const specifier of importsOf(source)) {
      const to = workspaces.resolve(file, specifier);
      edges.push({ from: file, specifier, to });
      if (to !== undefined) waiting.push(to);
    }
  }
  return { files: [...files], edges };
}

/** Sources of a service that are no tests, reached or not. */
export function sourcesOf(root: string, folder: string): readonly string[] {
  const full = join(root, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/\.(test|behaviour)\.ts$/.test(file) && !file.includes('/testing/'))
    .toSorted();
}

function foldersIn(root: string, top: string): readonly string[] {
  if (!existsSync(join(root, top))) return [];
  return readdirSync(join(root, top), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}
