import { emptyTally, mergeTally } from '../run/tally.ts';
import type { Tally } from '../run/tally.ts';
import { spread } from './spread.ts';
import type { WorkerOrder } from './worker.ts';

/** Spreads seeds over worker processes. */

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

export async function runPool(options: PoolOptions): Promise<Tally> {
  const total = emptyTally();
  const { bundle, sqlEvery, repeatEvery, silenceMillisMax, workers } = options;
  await spread<WorkerOrder, Tally>({
    bundle,
    silenceMillisMax,
    ...(workers === undefined ? {} : { workers }),
    nextOrder: () => {
      if (options.stopAtFailure && total.failing.length > 0) return undefined;
      const seeds = options.nextSeeds();
      return seeds === undefined || seeds.length === 0
        ? undefined
        : { seeds: [...seeds], sqlEvery, repeatEvery };
    },
    onAnswer: (tally) => {
      mergeTally(total, tally);
      options.onTally?.(total);
    },
    failed: ({ seeds }, why) => ({
      ...emptyTally(),
      runs: seeds.length,
      failing: seeds.map((seed) => ({ seed, violations: [`I10: ${why}`] })),
    }),
  });
  total.failing.sort((a, b) => a.seed - b.seed);
  return total;
}
