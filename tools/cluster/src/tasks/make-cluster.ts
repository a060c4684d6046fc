import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isFreePort } from '@sagamesh/sandbox/free-port';
import type { KindContext } from '../kind-context.ts';
import { clusterName } from '../kind-up-plan.ts';
import { mustSucceed } from '../run-command.ts';
import type { RunCommand } from '../run-command.ts';

/** The kind cluster itself: made unless it is there, and reached with a kubeconfig of our own. */

export const gatewayPorts = [30_080, 30_443] as const;

export async function clusterExists(run: RunCommand): Promise<boolean> {
  const { code, stdout } = await run('kind', ['get', 'clusters', '-q']);
  return code === 0 && stdout.split('\n').includes(clusterName);
}

export async function takenPorts(): Promise<readonly number[]> {
  const taken: number[] = [];
  for (const port of gatewayPorts) if (!(await isFreePort(port))) taken.push(port);
  return taken;
}

export async function makeCluster(
  { run, root, kubectl, kubeconfig }: KindContext,
  nodeImage: string | undefined,
): Promise<string> {
  const existed = await clusterExists(run);
  if (!existed) {
    await mustSucceed(run, 'kind', [
      'create',
      'cluster',
      '--config',
      join(root, 'kind-config.yaml'),
      '--wait',
      '180s',
      ...(nodeImage === undefined ? [] : ['--image', nodeImage]),
    ]);
  }
  await writeKubeconfig(run, kubeconfig);
  const ready = ['wait', '--for=condition=Ready', 'node', '--all', '--timeout=120s'];
  const answer = await kubectl(ready);
  if (answer.code !== 0) {
    throw new Error(`the node of the cluster is not ready: ${answer.stderr.trim()}`);
  }
  return existed ? 'there already' : 'made';
}

export async function writeKubeconfig(run: RunCommand, kubeconfig: string): Promise<void> {
  const text = await mustSucceed(run, 'kind', ['get', 'kubeconfig', '--name', clusterName]);
  mkdirSync(dirname(kubeconfig), { recursive: true });
  writeFileSync(kubeconfig, text, { mode: 0o600 });
}
