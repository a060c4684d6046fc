import { spawnSync } from 'node:child_process';
import { kubectlFor } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { judgePreflight } from './preflight.ts';
import { askPrograms } from './ask-programs.ts';
import { kindKubeconfig, repository } from './kubeconfig.ts';
import { runCommand } from './run-command.ts';
import { clusterExists, reachCluster } from './tasks/make-cluster.ts';

/** `make test-kind`: on the cluster of `make kind-up`, which is made when there is none. Exit code: 0 passed, 1 not, 3 could not run here. */

process.exitCode = await main();

async function main(): Promise<number> {
  if (!(await clusterExists(runCommand))) {
    const { problems } = judgePreflight(await askPrograms(process.env['ISTIOCTL']?.trim() || 'istioctl'));
    if (problems.length > 0) {
      console.log(`NOT RUN: make test-kind: ${problems.join(' ')}`);
      return 3;
    }
    const up = spawnSync(process.execPath, ['--import', 'tsx', 'tools/cluster/src/kind-up-main.ts'], {
      cwd: repository,
      stdio: 'inherit',
    });
    if (up.status !== 0) return 1;
  }
  try {
    const kubectl = await kubectlFor(kindKubeconfig);
    await reachCluster({ run: runCommand, kubectl, kubeconfig: kindKubeconfig });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`${error.message}\nWhat to do: make kind-up; if that does not help, make kind-down first.`);
    return 1;
  }
  const vitest = [
    'vitest',
    'run',
    '--project',
    'mesh',
    'test/mesh/kind.mesh.test.ts',
    ...process.argv.slice(2),
  ];
  const tested = spawnSync('npx', vitest, { cwd: repository, stdio: 'inherit' });
  return tested.status === 0 ? 0 : 1;
}
