import { waitUntil } from '@sagamesh/sandbox/wait-until';

/** What a handler saw, in order, and waiting for it. */
export class Collector<T> {
  readonly items: T[] = [];

  add(item: T): void {
    this.items.push(item);
  }

  /** Waits until `count` items came. */
  async reached(count: number, timeoutMillis = 10_000): Promise<readonly T[]> {
    await waitUntil(() => this.items.length >= count, {
      timeoutMillis,
      intervalMillis: 5,
      what: `${count} items, have ${this.items.length}`,
    });
    return this.items;
  }

  async includes(item: T, timeoutMillis = 10_000): Promise<void> {
    await waitUntil(() => this.items.includes(item), {
      timeoutMillis,
      intervalMillis: 5,
      what: `${String(item)} among ${JSON.stringify(this.items)}`,
    });
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** A promise that is settled from outside. */
export function deferred<T = void>(): Deferred<T> {
  const held: { resolve?: (value: T) => void } = {};
  const promise = new Promise<T>((resolve) => {
    held.resolve = resolve;
  });
  return { promise, resolve: (value) => held.resolve?.(value) };
}
