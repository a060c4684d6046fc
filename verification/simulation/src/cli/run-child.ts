import { spawn } from 'node:child_process';
import { repository } from './repository.ts';

export interface Child {
  readonly command: string;
  readonly args: readonly string[];
  /** On top of ours. */
  readonly env: Readonly<Record<string, string>>;
  /** Ended when it takes longer. */
  readonly millisMax?: number;
}

/** Runs a program in the repository's folder, its output shown. Answers null, or why it did not run to its end. */
export function runChild({ command, args, env, millisMax }: Child): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(command, [...args], {
      cwd: repository,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      ...(millisMax === undefined ? {} : { timeout: millisMax }),
    });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(null);
      else
        resolve(
          code === null ? `it was ended by ${signal ?? 'a signal'}` : `it ended with exit code ${code}`,
        );
    });
  });
}
