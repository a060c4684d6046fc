import { clusterName } from './kind-up-plan.ts';
import { lastLines, runCommand } from './run-command.ts';
import { clusterExists } from './tasks/make-cluster.ts';

/** `make kind-down`: removes the cluster and all that is in it; the images stay with Docker. */

if (!(await clusterExists(runCommand))) {
  console.log(`there is no kind cluster named ${clusterName}`);
} else {
  const { code, stderr } = await runCommand('kind', ['delete', 'cluster', '--name', clusterName]);
  console.log(code === 0 ? `removed the kind cluster ${clusterName}` : lastLines(stderr, 10));
  process.exitCode = code === 0 ? 0 : 1;
}
