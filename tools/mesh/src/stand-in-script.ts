/** The stand-in as one file of plain JavaScript, for `node stand-in.mjs`. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function standInScript(): Promise<string> {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL('stand-in-main.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minify: true, // it must fit into a ConfigMap
    write: false,
  });
  const script = bundle.outputFiles[0]?.text;
  if (script === undefined) throw new Error('esbuild made no file of the stand-in');
  return script;
}
