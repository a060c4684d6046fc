import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { kubectlFor } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { askPrograms } from './ask-programs.ts';
import type { KindContext } from './kind-context.ts';
import { readKindSettings } from './kind-settings.ts';
import type { FileLook } from './kind-settings.ts';
import { planKindUp } from './kind-up-plan.ts';
import { kindKubeconfig, repository } from './kubeconfig.ts';
import { nextCommands } from './next-commands.ts';
import { performTask } from './perform-task.ts';
import { judgePreflight } from './preflight.ts';
import { runCommand } from './run-command.ts';
import { gatewayHttpsUrl, gatewayUrl } from './smoke-order.ts';

/** `make kind-up`. Exit code: 0 up and an order went through, 1 a step failed, 2 the settings or this machine must be changed first. */

process.exitCode = await main();

async function main(): Promise<number> {
  const read = readKindSettings(process.env, look, (path) =>
    isAbsolute(path) ? path : resolve(repository, path),
  );
  if (!read.ok) return refuse(read.problems);
  const { settings } = read;
  const verdict = judgePreflight(await askPrograms(settings.istio.istioctl));
  if (verdict.problems.length > 0) return refuse(verdict.problems);
  for (const warning of verdict.warnings) console.log(`warning: ${warning}`);

  const context: KindContext = {
    run: runCommand,
    kubectl: await kubectlFor(kindKubeconfig),
    kubeconfig: kindKubeconfig,
    root: repository,
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
