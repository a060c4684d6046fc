import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kubectlFor } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import type { KindContext } from './kind-context.ts';
import { readKindSettings } from './kind-settings.ts';
import type { FileLook, KindSettings } from './kind-settings.ts';
import { planKindUp } from './kind-up-plan.ts';
import { nextCommands } from './next-commands.ts';
import { gatewayHttpsUrl, gatewayUrl, performTask } from './perform-task.ts';
import { judgePreflight } from './preflight.ts';
import { runCommand } from './run-command.ts';
import { clusterExists, takenPorts } from './tasks/make-cluster.ts';

/** `make kind-up`. Exit code: 0 up and an order went through, 1 a step failed, 2 the settings or this machine must be changed first. */

const root = fileURLToPath(new URL('../../..', import.meta.url));
process.exitCode = await main();

async function main(): Promise<number> {
  const read = readKindSettings(process.env, look, (path) => (isAbsolute(path) ? path : resolve(root, path)));
  if (!read.ok) return refuse(read.problems);
  const { settings } = read;
  const verdict = await preflight(settings);
  if (verdict.problems.length > 0) return refuse(verdict.problems);
  for (const warning of verdict.warnings) console.log(`warning: ${warning}`);

  const kubeconfig = join(root, '.data', 'kind', 'kubeconfig');
  const context: KindContext = {
    run: runCommand,
    kubectl: await kubectlFor(kubeconfig),
    kubeconfig,
    root,
    images: settings.images,
    note: (line) => console.log(`          ${line}`),
  };
  const startedMillis = performance.now();
  const seconds = () => Math.round((performance.now() - startedMillis) / 1_000);
  for (const { title, task, advice } of planKindUp(settings)) {
    const stepMillis = performance.now();
    console.log(`${String(seconds()).padStart(5)} s   ${title} ...`);
    try {
      const outcome = await performTask(task, context);
      const took = ((performance.now() - stepMillis) / 1_000).toFixed(1);
      console.log(`          ${outcome} (${took} s)`);
    } catch (error) {
      console.error(
        `\nkind-up stopped at "${title}": ${error instanceof SetupError ? error.message : String(error)}`,
      );
      console.error(`What to do: ${advice}`);
      return 1;
    }
  }
  console.log(`\nUp after ${seconds()} s.\n`);
  for (const line of nextCommands(gatewayUrl, gatewayHttpsUrl)) console.log(line);
  return 0;
}

function refuse(problems: readonly string[]): number {
  console.error('Nothing was done:');
  for (const problem of problems) console.error(`  - ${problem}`);
  return 2;
}

async function preflight(settings: KindSettings) {
  const { istioctl } = settings.istio;
  return judgePreflight({
    docker: await runCommand('docker', ['info', '--format', '{{json .}}']),
    kind: await runCommand('kind', ['version', '-q']),
    kubectl: await runCommand('kubectl', ['version', '--client']),
    istioctl: await runCommand(istioctl, ['version', '--remote=false', '-o', 'json']),
    istioctlPath: istioctl,
    clusterExists: await clusterExists(runCommand),
    takenPorts: await takenPorts(),
  });
}

function look(path: string): FileLook {
  const found = statSync(path, { throwIfNoEntry: false });
  const kind = found === undefined ? 'missing' : found.isDirectory() ? 'folder' : 'file';
  return { kind, executable: kind === 'file' && isExecutable(path), text: () => readFileSync(path, 'utf8') };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
