import type { SagaClient } from './saga-client.ts';

/** Runs many good sagas with so many of them open at a time, and measures each from outside with one clock. */

export interface Load {
  readonly count: number;
  /** Sagas that are open at once. */
  readonly concurrency: number;
  readonly prefix: string;
  readonly timeoutMillis: number;
}

export interface LoadResult {
  /** From the call of create to the terminal condition that the watch brought, of each saga. */
  readonly latenciesMillis: readonly number[];
  /** From the first create to the last end. */
  readonly elapsedMillis: number;
  /** Sagas that ended other than Completed: there should be none. */
  readonly wrongEnds: readonly string[];
}

/** Throws when not all have ended in time. */
export async function runLoad(client: SagaClient, load: Load): Promise<LoadResult> {
  const startedMillis = new Map<string, number>();
  const latenciesMillis: number[] = [];
  const wrongEnds: string[] = [];
  const released = new Map<string, () => void>();
  const stop = await client.watch(({ name, outcome }) => {
    const began = startedMillis.get(name);
    if (outcome === undefined || began === undefined) return;
    startedMillis.delete(name);
    latenciesMillis.push(performance.now() - began);
    if (outcome !== 'Completed') wrongEnds.push(`${name} ended ${outcome}`);
    released.get(name)?.();
  });
  const runOne = async (number: number): Promise<void> => {
    const name = `${load.prefix}-${number}`;
    const ended = new Promise<void>((resolve) => released.set(name, resolve));
    startedMillis.set(name, performance.now());
    await client.create(name, goodSpec(name));
    await ended;
    released.delete(name);
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < load.count) {
      next += 1;
      await runOne(next);
    }
  };
  const beganMillis = performance.now();
  try {
    await inTime(
      Promise.all(Array.from({ length: load.concurrency }, worker)),
      load.timeoutMillis,
      () => `only ${latenciesMillis.length} of ${load.count} sagas ended within ${load.timeoutMillis} ms`,
    );
    return { latenciesMillis, elapsedMillis: performance.now() - beganMillis, wrongEnds };
  } finally {
    stop();
  }
}

function goodSpec(id: string): object {
  const items = [{ sku: 'BULK', quantity: 1, unitPriceCents: 100 }];
  return { order: { id, customerId: 'bench', currency: 'EUR', items, paymentMethod: 'pm_card_visa' } };
}

async function inTime(work: Promise<unknown>, timeoutMillis: number, why: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(why())), timeoutMillis);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
