import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { StuckReader } from '../broker.behaviour.ts';
import type { DurableConsumerSpec } from '../broker.ts';

/** Starts `stuck-worker.ts` (`login`: url, user and password); resolves when it reads. As soon as it has a message it is stopped (SIGSTOP). */
export async function startStuckReader(login: object, spec: DurableConsumerSpec): Promise<StuckReader> {
  const script = new URL('stuck-worker.ts', import.meta.url).pathname;
  const worker = spawn(
    process.execPath,
    ['--import', 'tsx', script, JSON.stringify(login), JSON.stringify(spec)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const told = new Map<string, () => void>();
  const hearing = async (line: string): Promise<void> =>
    new Promise((resolve) => {
      told.set(line, resolve);
    });
  const reading = hearing('reading');
  const taken = hearing('taken').then(() => void worker.kill('SIGSTOP'));
  const acknowledged = hearing('acknowledged');
  createInterface({ input: worker.stdout }).on('line', (line) => told.get(line)?.());
  await Promise.race([
    reading,
    gone.then(() => {
      throw new Error('The reader ended before it read');
    }),
  ]);
  return {
    taken,
    async goOn() {
      worker.stdin.write('go on\n');
      worker.kill('SIGCONT');
      await acknowledged;
    },
    async kill() {
      worker.kill('SIGKILL');
      await gone;
    },
  };
}
