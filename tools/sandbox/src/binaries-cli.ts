/** `make binaries`, `make mesh-binaries` (argument `mesh`): has every server program ready, and says where each came from. */
import { binaryNames, meshBinaryNames } from './binary-catalog.ts';
import { resolveBinaryWithSource } from './resolve-binary.ts';
import { resolveEnvoy } from './resolve-envoy.ts';
import { SetupError } from './setup-error.ts';

async function main(): Promise<number> {
  let missing = 0;
  const names = process.argv[2] === 'mesh' ? [...binaryNames, ...meshBinaryNames] : binaryNames;
  for (const name of names) {
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
  await envoyOrNot();
  return missing === 0 ? 0 : 1;
}

/** The one that everything else works without. */
async function envoyOrNot(): Promise<void> {
  try {
    const { path, source } = await resolveEnvoy({ note: (line) => console.log(`  ${line}`) });
    console.log(`${'envoy'.padEnd(15)} ${path} (${source})`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(
      `${error.message}\nWithout Envoy there is no gateway here: the services are called directly.`,
    );
  }
}

process.exitCode = await main();
