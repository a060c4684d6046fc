/** Waiting for a fact instead of for a time. */
import { setTimeout as delay } from 'node:timers/promises';

export type WaitOptions = {
  readonly timeoutMillis: number;
  readonly intervalMillis?: number;
  /** What is awaited, for the error: "etcd to be healthy". */
  readonly what: string;
};

/** Resolves with true as soon as `fact` holds. An exception of `fact` means "not yet"; the last one is the error's cause. */
export async function waitUntil(fact: () => Promise<boolean> | boolean, options: WaitOptions): Promise<void> {
  const end = performance.now() + options.timeoutMillis;
  let cause: unknown;
  for (;;) {
    try {
      if (await fact()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) {
      throw new Error(`waited ${options.timeoutMillis} ms in vain for ${options.what}`, { cause });
    }
    await delay(options.intervalMillis ?? 50);
  }
}
