import { rmSync } from 'node:fs';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { clusterName } from './kind-up-plan.ts';
import { kindKubeconfig } from './kubeconfig.ts';
import { mustSucceed, runCommand } from './run-command.ts';

/** `make kind-down`: removes the cluster and all that is in it; the images stay with Docker. Exit code: 0 there is none any more, 1 not. */

try {
  const clusters = await mustSucceed(runCommand, 'kind', ['get', 'clusters', '-q']);
  if (clusters.split('\n').includes(clusterName)) {
    await mustSucceed(runCommand, 'kind', ['delete', 'cluster', '--name', clusterName]);
    console.log(`removed the kind cluster ${clusterName}`);
  } else {
    console.log(`there is no kind cluster named ${clusterName}`);
  }
  rmSync(kindKubeconfig, { force: true });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`${error.message}\nIs Docker running? Then run it again.`);
  process.exitCode = 1;
}
