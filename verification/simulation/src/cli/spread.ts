import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Spreads orders over worker processes (serve-orders.ts): one per core, each on one thread, one order at a time. */

export interface SpreadOptions<Order extends object, Answer> {
  readonly bundle: string;
  /** Asked whenever a worker is free; undefined: no more. */
  readonly nextOrder: () => Order | undefined;
  readonly onAnswer: (answer: Answer) => void;
  /** A worker that died, or that was killed because it said nothing for too long, is a result, too: something never comes to rest. */
  readonly failed: (order: Order, why: string) => Answer;
  readonly silenceMillisMax: number;
  readonly workers?: number;
}

export function workersByDefault(): number {
  return Math.max(1, availableParallelism());
}

/** Resolves when every order is answered. */
export async function spread<Order extends object, Answer>(
  options: SpreadOptions<Order, Answer>,
): Promise<void> {
  const count = options.workers ?? workersByDefault();
  await Promise.all(Array.from({ length: count }, () => employ(options)));
}

async function employ<Order extends object, Answer>(options: SpreadOptions<Order, Answer>): Promise<void> {
  const { bundle, nextOrder, onAnswer } = options;
  let child: ChildProcess | undefined;
  try {
    for (;;) {
      const order = nextOrder();
      if (order === undefined) return;
      if (child?.connected !== true) {
        // The bundle is plain JavaScript: it wants none of the loaders that this process was started with.
        child = fork(bundle, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      }
      onAnswer(await ask(child, order, options));
    }
  } finally {
    child?.kill();
  }
}

function ask<Order extends object, Answer>(
  child: ChildProcess,
  order: Order,
  { failed, silenceMillisMax }: SpreadOptions<Order, Answer>,
): Promise<Answer> {
  return new Promise((resolve) => {
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(answer);
    };
    const onMessage = (answer: Answer): void => finish(answer);
    const onExit = (code: number | null): void =>
      finish(failed(order, `the worker ended (${code ?? 'killed'})`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
    }, silenceMillisMax);
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(order);
  });
}
