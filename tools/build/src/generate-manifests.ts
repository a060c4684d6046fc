/**
 * `node --import tsx tools/build/src/generate-manifests.ts [--check]`: writes all of manifests/ and the message schemas. With `--check` it writes nothing and fails when a committed file differs.
 */
import { fileURLToPath } from 'node:url';
import { generatedFiles, generatedFolders } from './generated-files.ts';
import { differences, repair } from './generated-tree.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const files = generatedFiles();
const off = differences(root, files, generatedFolders);

for (const { path, kind } of off) console.log(`${kind}: ${path}`);
if (!process.argv.includes('--check')) {
  repair(root, files, off);
  console.log(`${files.length} generated files, ${off.length} written`);
} else if (off.length > 0) {
  console.error('Generated files differ from their sources: run make synth and commit the result.');
  process.exitCode = 1;
} else {
  console.log(`${files.length} generated files are up to date`);
}
