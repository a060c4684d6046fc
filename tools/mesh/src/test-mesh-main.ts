/** `make test-mesh`: the mesh as processes of this machine. Exit code: 0 passed, 1 not, 3 could not run here. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { envoyBootstrapTemplate, findMeshPrograms } from './mesh-programs.ts';
import { whyNoMesh } from './mesh-prerequisites.ts';

process.exitCode = await main();

async function main(): Promise<number> {
  const why = (await whyNoMesh()) ?? (await whatIsMissing());
  if (why !== undefined) {
    console.log(`NOT RUN: make test-mesh: ${why}`);
    return 3;
  }
  // By their paths: the suite in a cluster is of the same ring, and another command.
  const files = ['test/mesh/process.mesh.test.ts', 'tools/mesh/src'];
  const vitest = ['vitest', 'run', '--project', 'mesh', ...files, ...process.argv.slice(2)];
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  return spawnSync('npx', vitest, { cwd, stdio: 'inherit' }).status === 0 ? 0 : 1;
}

/** Builds what can be built. */
async function whatIsMissing(): Promise<string | undefined> {
  try {
    await findMeshPrograms();
    await envoyBootstrapTemplate();
    return undefined;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(error.message);
    return error.message.split('\n')[0];
  }
}
