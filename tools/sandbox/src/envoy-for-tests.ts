import { resolveEnvoy } from './resolve-envoy.ts';
import { SetupError } from './setup-error.ts';

/**
 * Envoy's path for a test file, or undefined after it was said plainly that `what` does not run here, and why: a skipped test must not look green.
 * Where `CI` is set there is no such way out.
 */
export async function envoyForTests(what: string): Promise<string | undefined> {
  try {
    return (await resolveEnvoy()).path;
  } catch (error) {
    if (!(error instanceof SetupError) || (process.env['CI'] ?? '') !== '') throw error;
    process.stderr.write(`NOT RUN: ${what}: ${error.message.split('\n')[0]}\n`);
    return undefined;
  }
}
