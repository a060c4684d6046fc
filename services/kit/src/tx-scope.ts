import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Finds use of the outer Db inside a transaction. On PGlite that would wait for itself for ever, on PostgreSQL it takes a second connection
 * (an exhausted pool then waits for itself too) and escapes the transaction; so it throws on both.
 */
export class TxScope {
  private readonly storage = new AsyncLocalStorage<{ open: boolean }>();

  async run<R>(fn: () => Promise<R>): Promise<R> {
    const token = { open: true };
    try {
      return await this.storage.run(token, fn);
    } finally {
      // Work that was started inside and outlives the transaction may use the outer Db again.
      token.open = false;
    }
  }

  assertOutside(): void {
    if (this.storage.getStore()?.open === true)
      throw new Error(
        'the outer Db was used inside db.tx(): use the tx that the function was given, or start the work after the commit',
      );
  }
}

/** Callbacks that wait for the commit. One that throws must not make a committed transaction look failed. */
export class CommitCallbacks {
  private readonly callbacks: (() => void)[] = [];

  add(callback: () => void): void {
    this.callbacks.push(callback);
  }

  run(): void {
    for (const callback of this.callbacks) queueMicrotask(callback);
  }
}
