import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';

/** Bundles a program of this folder, and with it the product as it stands, into one file that plain Node runs. */

const repository = fileURLToPath(new URL('../../../..', import.meta.url));

/** A change of one product source, made while bundling: nothing of it is ever in the product. */
export interface SourcePatch {
  /** From the root of the repository. */
  readonly file: string;
  /** Must occur exactly once: a patch that no longer fits is an error. */
  readonly find: string;
  readonly replace: string;
}

/** Answers the path of the bundle. `name` keeps bundles of different patches apart. */
export async function buildWorker(
  name: string,
  source: string,
  patches: readonly SourcePatch[] = [],
): Promise<string> {
  const outfile = join(repository, 'dist', 'simulation', `${name}.mjs`);
  await build({
    absWorkingDir: repository,
    entryPoints: [join('verification/simulation/src', source)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent',
    external: ['@electric-sql/pglite', 'pg-native'],
    // CommonJS packages call `require` for Node's own modules; an ES module has none by itself.
    banner: {
      js: "import { createRequire as bundleCreateRequire } from 'node:module'; const require = bundleCreateRequire(import.meta.url);",
    },
    plugins: [patching(patches)],
  });
  return outfile;
}

function patching(patches: readonly SourcePatch[]): Plugin {
  const files = [...new Set(patches.map(({ file }) => file))];
  return {
    name: 'patching',
    setup(pluginBuild) {
      const done = new Set<string>();
      for (const file of files) {
        const path = join(repository, file);
        pluginBuild.onLoad({ filter: new RegExp(`${escaped(path)}$`) }, () => {
          done.add(file);
          const own = patches.filter((patch) => patch.file === file);
          return { contents: own.reduce(applyPatch, readFileSync(path, 'utf8')), loader: 'ts' };
        });
      }
      pluginBuild.onEnd(() => {
        const unused = files.filter((file) => !done.has(file));
        if (unused.length > 0) throw new Error(`not part of the simulation: ${unused.join(', ')}`);
      });
    },
  };
}

/** Throws when the text to replace is not there, or not only there. */
export function applyPatch(source: string, { file, find, replace }: SourcePatch): string {
  const count = source.split(find).length - 1;
  if (count !== 1) throw new Error(`${file}: the text to replace occurs ${count} times: ${find}`);
  return source.replace(find, () => replace);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
