/** Runs a program to its end, as a person would at a shell, without one. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Environment } from './binary-search.ts';

export type ProgramResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type ProgramOptions = {
  /** Added to our own. */
  readonly env?: Environment;
  readonly input?: string;
  readonly cwd?: string;
  /** It is ended after this time. */
  readonly timeoutMillis?: number;
};

/** Resolves with whatever the program answers; a failure is a `code` other than 0, an exception means that there is none. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const child = spawn(command, [...args], {
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeoutMillis === undefined ? {} : { timeout: options.timeoutMillis }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<{ readonly code: number; readonly note: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code: code ?? 1, note: signal === null ? '' : `ended by ${signal}\n` }),
    );
  });
  child.stdin.on('error', () => undefined); // it may end without reading its input
  child.stdin.end(options.input ?? '');
  const [{ code, note }, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr: stderr + note };
}
