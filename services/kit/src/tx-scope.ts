import { AsyncLocalStorage } from 'node:async_hooks';

interface Entry {
  readonly scope: TxScope;
  readonly outer: Entry | undefined;
  isOpen: boolean;
}

/** One for all databases of the process: every storage that was ever used makes each promise dearer from then on, and is never freed. */
const storage = new AsyncLocalStorage<Entry>();

function innermostOpen(): Entry | undefined {
  let entry = storage.getStore();
  while (entry !== undefined && !entry.isOpen) entry = entry.outer;
  return entry;
}

/**
 * Finds use of the outer Db inside a transaction. On PGlite that would wait for itself for ever, on PostgreSQL it takes a second connection
 * (an exhausted pool then waits for itself too) and escapes the transaction; so it throws on both.
 */
export class TxScope {
  async run<R>(fn: () => Promise<R>): Promise<R> {
    const entry: Entry = { scope: this, outer: innermostOpen(), isOpen: true };
    try {
      return await storage.run(entry, fn);
    } finally {
      // Work that was started inside and outlives the transaction may use the outer Db again.
      entry.isOpen = false;
    }
  }

  assertOutside(): void {
    for (let entry = innermostOpen(); entry !== undefined; entry = entry.outer) {
      if (entry.scope === this && entry.isOpen)
        throw new Error(
          'the outer Db was used inside db.tx(): use the tx that the function was given, or start the work after the commit',
        );
    }
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
