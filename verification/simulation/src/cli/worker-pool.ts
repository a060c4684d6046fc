import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { emptyTally, mergeTally } from '../run/tally.ts';
import type { Tally } from '../run/tally.ts';
import type { WorkerOrder } from './worker.ts';

/** Spreads seeds over worker processes: one per core, each on one thread. */

export interface PoolOptions {
  readonly bundle: string;
  /** Asked whenever a worker is free; undefined: no more. */
  readonly nextSeeds: () => readonly number[] | undefined;
  readonly sqlEvery: number;
  readonly repeatEvery: number;
  /** Stop handing out seeds after the first failing run. */
  readonly stopAtFailure?: boolean;
  /** A worker that answers nothing for so long is killed, and its seeds count as failing. */
  readonly silenceMillisMax: number;
  readonly workers?: number;
  readonly onTally?: (tally: Tally) => void;
}

export function workersByDefault(): number {
  return Math.max(1, availableParallelism());
}

export async function runPool(options: PoolOptions): Promise<Tally> {
  const total = emptyTally();
  const count = options.workers ?? workersByDefault();
  await Promise.all(Array.from({ length: count }, () => employ(options, total)));
  total.failing.sort((a, b) => a.seed - b.seed);
  return total;
}

async function employ(options: PoolOptions, total: Tally): Promise<void> {
  const child = fork(options.bundle, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    for (;;) {
      if (options.stopAtFailure && total.failing.length > 0) return;
      const seeds = options.nextSeeds();
      if (seeds === undefined || seeds.length === 0) return;
      const { sqlEvery, repeatEvery } = options;
      const tally = await ask(child, { seeds, sqlEvery, repeatEvery }, options.silenceMillisMax);
      mergeTally(total, tally);
      options.onTally?.(total);
    }
  } finally {
    child.kill();
  }
}

/** A worker that dies or says nothing is a result, too: something in these seeds never comes to rest. */
function ask(
  child: ChildProcess,
  order: { readonly seeds: readonly number[] } & Omit<WorkerOrder, 'seeds'>,
  silenceMillisMax: number,
): Promise<Tally> {
  return new Promise((resolve) => {
    const finish = (tally: Tally): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(tally);
    };
    const failed = (why: string): Tally => ({
      ...emptyTally(),
      runs: order.seeds.length,
      failing: order.seeds.map((seed) => ({ seed, violations: [`I10: ${why}`] })),
    });
    const onMessage = (tally: Tally): void => finish(tally);
    const onExit = (code: number | null): void => finish(failed(`the worker ended (${code ?? 'killed'})`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
    }, silenceMillisMax);
    child.once('message', onMessage);
    child.once('exit', onExit);
    if (!child.connected) return onExit(child.exitCode);
    child.send(order);
  });
}
