import { runProgram } from '@sagamesh/sandbox/run-program';
import type { ProgramOptions, ProgramResult } from '@sagamesh/sandbox/run-program';
import { SetupError } from '@sagamesh/sandbox/setup-error';

/** 127: there is no such program. */
export type CommandResult = ProgramResult;

/** Resolves with whatever the program answers; a failure is a `code` other than 0, not an exception. */
export type RunCommand = (
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
) => Promise<CommandResult>;

export const runCommand: RunCommand = (command, args, options) =>
  runProgram(command, args, options).catch((error: unknown) => ({
    code: 127,
    stdout: '',
    stderr: String(error),
  }));

/** Answers standard output; a failure throws a SetupError with the end of what the program said. */
export async function mustSucceed(
  run: RunCommand,
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code === 0) return result.stdout;
  const said = lastLines(result.stderr.trim() === '' ? result.stdout : result.stderr, 25);
  throw new SetupError(`${command} ${args.join(' ')} failed:\n${said}`);
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
