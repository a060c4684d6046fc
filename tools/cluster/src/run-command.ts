import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { SetupError } from '@sagamesh/sandbox/setup-error';

/** Runs programs as a person would at a shell, without one. */

export interface CommandResult {
  /** 127: there is no such program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly timeoutMillis?: number;
}

/** Resolves with whatever the program answers; a failure is a `code` other than 0, not an exception. */
export type RunCommand = (
  command: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<CommandResult>;

export const runCommand: RunCommand = async (command, args, options = {}) => {
  const child = spawn(command, [...args], {
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeoutMillis === undefined ? {} : { timeout: options.timeoutMillis }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<{ readonly code: number; readonly note: string }>((resolve) => {
    child.once('error', (error) => resolve({ code: 127, note: error.message }));
    child.once('close', (code, signal) =>
      resolve({ code: code ?? 1, note: signal === null ? '' : `ended by ${signal}` }),
    );
  });
  child.stdin.on('error', () => undefined); // it may end without reading its input
  child.stdin.end(options.input ?? '');
  const [{ code, note }, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr: note === '' ? stderr : `${stderr}${note}\n` };
};

/** Answers standard output; a failure throws a SetupError with the end of what the program said. */
export async function mustSucceed(
  run: RunCommand,
  command: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code === 0) return result.stdout;
  const said = lastLines(result.stderr.trim() === '' ? result.stdout : result.stderr, 25);
  throw new SetupError(`${command} ${args.join(' ')} failed:\n${said}`);
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
