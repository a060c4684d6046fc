/** `make binaries`: has every server program of the sandbox ready, and says where each came from. */
import { binaryNames } from './binary-catalog.ts';
import { resolveBinaryWithSource } from './resolve-binary.ts';
import { SetupError } from './setup-error.ts';

async function main(): Promise<number> {
  let missing = 0;
  for (const name of binaryNames) {
    try {
      const { path, source } = await resolveBinaryWithSource(name, {
        note: (line) => console.log(`  ${line}`),
      });
      console.log(`${name.padEnd(15)} ${path} (${source})`);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      console.error(error.message);
      missing += 1;
    }
  }
  return missing === 0 ? 0 : 1;
}

process.exitCode = await main();
