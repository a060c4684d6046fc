import { spawn } from 'node:child_process';

/** Runs commands one after the other and tells how long each took. */

export interface Stage {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

export interface StageResult {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
}

/** Runs all of them, also after one has failed: a developer wants the whole list at once. */
export async function runStages(stages: readonly Stage[]): Promise<readonly StageResult[]> {
  const results: StageResult[] = [];
  for (const stage of stages) {
    const startedMillis = performance.now();
    console.log(`--- ${stage.name}`);
    const code = await run(stage);
    results.push({ name: stage.name, ok: code === 0, seconds: (performance.now() - startedMillis) / 1_000 });
  }
  return results;
}

export function report(results: readonly StageResult[]): void {
  for (const { name, ok, seconds } of results) {
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(24)} ${seconds.toFixed(1).padStart(7)} s`);
  }
}

function run({ command, args }: Stage): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
