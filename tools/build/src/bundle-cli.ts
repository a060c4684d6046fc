/** `node --import tsx tools/build/src/bundle-cli.ts [name...]`: bundles every process, or only those named, into dist/. */
import { relative } from 'node:path';
import { bundleAll } from './bundle.ts';

const names = process.argv.slice(2);
const startedAt = performance.now();
try {
  const results = await bundleAll(names.length > 0 ? { only: names } : {});
  for (const { outfile, state } of results) {
    if (state === 'built') console.log(`built ${relative(process.cwd(), outfile)}`);
  }
  const built = results.filter(({ state }) => state === 'built').length;
  const millis = Math.round(performance.now() - startedAt);
  console.log(`${results.length} bundles, ${built} built, ${millis} ms`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
