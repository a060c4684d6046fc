import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isFreePort } from '@sagamesh/sandbox/free-port';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import type { KindContext } from '../kind-context.ts';
import { clusterName } from '../kind-up-plan.ts';
import { lastLines, mustSucceed } from '../run-command.ts';
import type { RunCommand } from '../run-command.ts';

/** The kind cluster itself: made unless it is there, started if it is stopped, and reached with a kubeconfig of our own. */

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

export async function makeCluster(context: KindContext, nodeImage: string | undefined): Promise<string> {
  const { run, root } = context;
  const existed = await clusterExists(run);
  if (!existed) {
    await mustSucceed(run, 'kind', [
      'create',
      'cluster',
      '--config',
      join(root, 'kind-config.yaml'),
      '--wait',
      '300s',
      ...(nodeImage === undefined ? [] : ['--image', nodeImage]),
    ]);
  }
  const started = await reachCluster(context);
  if (started.length > 0) return `there already, started ${started.join(', ')}`;
  return existed ? 'there already' : 'made';
}

/** Until a cluster that is there answers, with a kubeconfig for it. Answers which of its nodes had to be started. */
export async function reachCluster({
  run,
  kubectl,
  kubeconfig,
}: Pick<KindContext, 'run' | 'kubectl' | 'kubeconfig'>): Promise<readonly string[]> {
  const started = await startNodes(run);
  await writeKubeconfig(run, kubeconfig);
  await untilApiServerAnswers(kubectl);
  const answer = await kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=300s']);
  if (answer.code !== 0)
    throw new SetupError(`the node of the cluster is not ready: ${answer.stderr.trim()}`);
  return started;
}

/** Nodes are containers: those that Docker or the machine stopped are started, with all that is in them. */
async function startNodes(run: RunCommand): Promise<readonly string[]> {
  const names = await mustSucceed(run, 'kind', ['get', 'nodes', '--name', clusterName]);
  const started: string[] = [];
  for (const node of names.split('\n').filter((name) => name !== '')) {
    const running = await mustSucceed(run, 'docker', ['inspect', '--format', '{{.State.Running}}', node]);
    if (running.trim() === 'true') continue;
    await mustSucceed(run, 'docker', ['start', node]);
    started.push(node);
  }
  return started;
}

/** `kubectl wait` does not wait for a server that is about to start. */
async function untilApiServerAnswers(kubectl: Kubectl): Promise<void> {
  const seconds = 180;
  const endMillis = performance.now() + seconds * 1_000;
  for (;;) {
    const { code, stderr } = await kubectl(['get', '--raw', '/readyz', '--request-timeout=10s']);
    if (code === 0) return;
    if (performance.now() > endMillis)
      throw new SetupError(`the API server did not answer within ${seconds} s: ${lastLines(stderr, 2)}`);
    await delay(1_000);
  }
}

async function writeKubeconfig(run: RunCommand, kubeconfig: string): Promise<void> {
  const text = await mustSucceed(run, 'kind', ['get', 'kubeconfig', '--name', clusterName]);
  mkdirSync(dirname(kubeconfig), { recursive: true });
  writeFileSync(kubeconfig, text, { mode: 0o600 });
}
