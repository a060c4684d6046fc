import { parseArgs } from 'node:util';
import { bundleAll } from '@sagamesh/build/bundle';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { startSystem } from '@sagamesh/sandbox/system/system';
import type { System } from '@sagamesh/sandbox/system/system';
import { playDemo } from './demo.ts';
import { howToLookAround } from './look-around.ts';
import { paintFor } from './terminal.ts';

/** `make demo [ARGS=--keep]`. Exit code: 0 all as expected, 1 not, 2 could not be set up. */

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const paint = paintFor(process.stdout, process.env);
const print = (line: string) => console.log(line);
const interruption = new AbortController();
const interrupted = new Promise<void>((resolve) => {
  interruption.signal.addEventListener('abort', () => resolve());
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());

process.exitCode = await run();

async function run(): Promise<number> {
  const dataDir = await DataDir.temporary();
  let system: System | undefined;
  try {
    print(paint('bold', 'Starting everything on 127.0.0.1: no cluster, no Docker, all of it real.'));
    const bundled = await bundleAll();
    print(
      `bundles       ${bundled.filter(({ state }) => state === 'built').length} built, ${bundled.length} in all`,
    );
    system = await startSystem({ dataDir, progress: print });
    const { signal } = interruption;
    const right = await playDemo({ system, print, paint, timeoutMillis: 120_000, signal });
    print('');
    if (signal.aborted) {
      print('Interrupted; stopping everything.');
      return 1;
    }
    if (values.keep) {
      for (const line of await howToLookAround(system)) print(line);
      print(paint('bold', 'Everything stays up until Ctrl-C.'));
      await interrupted;
    } else {
      print('Look around: make demo ARGS=--keep, or make up; they print the commands');
      print('  (export KUBECONFIG=...; kubectl get osaga -n shop).');
    }
    print(right ? paint('green', 'DEMO OK') : paint('red', 'DEMO FAILED: see above'));
    return right ? 0 : 1;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return 2;
  } finally {
    await system?.stop();
    dataDir.close({ remove: true });
  }
}
