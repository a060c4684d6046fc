import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The root of the repository, without a slash at its end. */
export const repository = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');

const run = promisify(execFile);

/** What a program prints, trimmed; null when it cannot be run. */
export async function outputOf(command: string, args: readonly string[]): Promise<string | null> {
  try {
    return (await run(command, [...args], { cwd: repository, maxBuffer: 16 * 1024 * 1024 })).stdout.trim();
  } catch {
    return null;
  }
}

/** The commit of the working copy, and whether it has changes beside the generated page. */
export async function commitOfCopy(): Promise<string> {
  const commit = await outputOf('git', ['rev-parse', '--short', 'HEAD']);
  const changes = await outputOf('git', ['status', '--porcelain', '--', '.', ':!docs/robustness.md']);
  return `${commit ?? 'unknown'}${changes === null || changes === '' ? '' : ' with changes'}`;
}
