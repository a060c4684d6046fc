/**
 * `make judges`: programs that nobody here wrote look at all committed manifests. Exit code 0: nothing to say but what
 * `accepted.yaml` accepts. 1: findings. 3: no findings, but a judge could not run. Names of judges as arguments: only those.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { readAccepted } from './accepted.ts';
import { judgeManifests, judgeNames } from './judge-manifests.ts';
import { verdictOf } from './verdict.ts';

async function main(only: readonly string[]): Promise<number> {
  const names = judgeNames();
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    console.log(`no such judge: ${unknown.join(', ')}; there are ${names.join(', ')}`);
    return 1;
  }
  const root = fileURLToPath(new URL('../../../manifests/', import.meta.url));
  const acceptedFile = fileURLToPath(new URL('../accepted.yaml', import.meta.url));
  const entries = readAccepted(readFileSync(acceptedFile, 'utf8'));
  const scratch = mkdtempSync(join(tmpdir(), 'sagamesh-judges-'));
  try {
    const session = await judgeManifests({
      root,
      scratch,
      note: (line) => console.log(line),
      ...(only.length === 0 ? {} : { only }),
    });
    const { lines, exitCode } = verdictOf({ ...session, entries });
    console.log(['', ...lines].join('\n'));
    return exitCode;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`NOT RUN: judges: ${error.message.split('\n')[0] ?? ''}`);
    return 3;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
