/**
 * Keys that need a look. A key is handled by one worker at a time and waits at most once: adding it while it is processed only marks it dirty
 * (client-go util/workqueue). Low-priority keys (the first list after a start) never delay new work.
 */
import { exponentialMillis } from './backoff.ts';
import { type Clock, type Random, systemClock } from './clock.ts';
import { createTokenBucket } from './token-bucket.ts';

export type Priority = 'normal' | 'low';

export type QueueObserver = {
  added(priority: Priority): void;
  retried(): void;
  /** How long the key waited in the queue. */
  taken(waitedMillis: number): void;
  done(workedMillis: number): void;
};

/** max(per key: initial x 2^failures with jitter, overall: qps with burst). */
export type RateLimit = {
  readonly initialMillis: number;
  readonly maxMillis: number;
  readonly jitter: number;
  readonly qps: number;
  readonly burst: number;
};

export type WorkQueue = {
  add(key: string, priority?: Priority): void;
  /** Of several calls for one key the earliest deadline counts. */
  addAfter(key: string, delayMillis: number, priority?: Priority): void;
  /** Counts as a failure. `atLeastMillis` is for a server that said how long to stay away. */
  addRateLimited(key: string, options?: { readonly atLeastMillis?: number }): void;
  /** The key is well again: its next failure waits the shortest time. */
  forget(key: string): void;
  failures(key: string): number;
  /** Each taken key must be given back with done(). Undefined: shut down. */
  take(): Promise<string | undefined>;
  done(key: string): void;
  /** Nothing is accepted any more. Resolves when no key is being processed; 'drain' first hands out what is waiting (not what is delayed). */
  shutDown(mode: 'dropWaiting' | 'drain'): Promise<void>;
  snapshot(): {
    readonly depth: Readonly<Record<Priority, number>>;
    readonly processingSinceMillis: readonly number[];
    readonly delayed: number;
  };
};

export type WorkQueueOptions = {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly observer?: QueueObserver;
  readonly rateLimit?: Partial<RateLimit>;
};

/** client-go's default controller limiter, capped at one minute: a saga must not wait a quarter of an hour for its next look. */
const defaultRateLimit: RateLimit = { initialMillis: 5, maxMillis: 60_000, jitter: 0.2, qps: 10, burst: 100 };

export function createWorkQueue(options: WorkQueueOptions = {}): WorkQueue {
  return new KeyedQueue(options);
}

type Waiting = { priority: Priority; readonly sinceMillis: number };
type Delayed = { readonly atMillis: number; readonly priority: Priority; readonly cancel: () => void };

class KeyedQueue implements WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #observer: QueueObserver | undefined;
  readonly #limit: RateLimit;
  readonly #bucket: { reserve(nowMillis: number): number };
  /** Insertion order is FIFO order; a key is in at most one of the two lanes. */
  readonly #lanes: Readonly<Record<Priority, Set<string>>> = { normal: new Set(), low: new Set() };
  /** Everything that needs a look: waiting in a lane, or marked while being processed. */
  readonly #dirty = new Map<string, Waiting>();
  readonly #processing = new Map<string, number>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #shutDown: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#observer = options.observer;
    this.#limit = { ...defaultRateLimit, ...options.rateLimit };
    this.#bucket = createTokenBucket(this.#limit);
  }

  add(key: string, priority: Priority = 'normal'): void {
    if (this.#shutDown !== undefined) return;
    const waiting = this.#dirty.get(key);
    if (waiting !== undefined) return this.#raise(key, waiting, priority);
    this.#observer?.added(priority);
    this.#dirty.set(key, { priority, sinceMillis: this.#clock.now() });
    if (!this.#processing.has(key)) this.#lanes[priority].add(key);
    this.#dispatch();
  }

  addAfter(key: string, delayMillis: number, priority: Priority = 'normal'): void {
    if (this.#shutDown !== undefined) return;
    if (delayMillis <= 0) return this.add(key, priority);
    const atMillis = this.#clock.now() + delayMillis;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined && earlier.atMillis <= atMillis) return;
    earlier?.cancel();
    const cancel = this.#clock.schedule(delayMillis, () => {
      this.#delayed.delete(key);
      this.add(key, priority);
    });
    this.#delayed.set(key, { atMillis, priority, cancel });
  }

  addRateLimited(key: string, options: { readonly atLeastMillis?: number } = {}): void {
    const { initialMillis, maxMillis, jitter } = this.#limit;
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    this.#observer?.retried();
    const own = exponentialMillis(initialMillis, failures, maxMillis) * (1 + jitter * this.#random());
    const overall = this.#bucket.reserve(this.#clock.now());
    this.addAfter(key, Math.max(own, overall, options.atLeastMillis ?? 0));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  take(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#dispatch();
    });
  }

  done(key: string): void {
    const startedMillis = this.#processing.get(key);
    if (startedMillis === undefined) return;
    this.#processing.delete(key);
    this.#observer?.done(this.#clock.now() - startedMillis);
    const waiting = this.#dirty.get(key);
    if (waiting !== undefined) this.#lanes[waiting.priority].add(key);
    this.#dispatch();
  }

  shutDown(mode: 'dropWaiting' | 'drain'): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#shutDown;
      this.#shutDown = () => {
        before?.();
        resolve();
      };
      for (const delayed of this.#delayed.values()) delayed.cancel();
      this.#delayed.clear();
      if (mode === 'dropWaiting') {
        this.#dirty.clear();
        this.#lanes.normal.clear();
        this.#lanes.low.clear();
      }
      this.#dispatch();
    });
  }

  snapshot(): ReturnType<WorkQueue['snapshot']> {
    return {
      depth: { normal: this.#lanes.normal.size, low: this.#lanes.low.size },
      processingSinceMillis: [...this.#processing.values()],
      delayed: this.#delayed.size,
    };
  }

  /** A waiting key that turns urgent changes lanes; it never turns less urgent. */
  #raise(key: string, waiting: Waiting, priority: Priority): void {
    if (priority !== 'normal' || waiting.priority === 'normal') return;
    waiting.priority = 'normal';
    if (this.#lanes.low.delete(key)) this.#lanes.normal.add(key);
  }

  /** Hands waiting keys to waiting takers, then tells everybody when all is over. */
  #dispatch(): void {
    for (;;) {
      const key = first(this.#lanes.normal) ?? first(this.#lanes.low);
      if (key === undefined || this.#takers.length === 0) break;
      const now = this.#clock.now();
      this.#observer?.taken(now - (this.#dirty.get(key)?.sinceMillis ?? now));
      this.#lanes.normal.delete(key);
      this.#lanes.low.delete(key);
      this.#dirty.delete(key);
      this.#processing.set(key, now);
      this.#takers.shift()?.(key);
    }
    if (this.#shutDown === undefined || this.#dirty.size > 0) return;
    for (const taker of this.#takers.splice(0)) taker(undefined);
    if (this.#processing.size === 0) this.#shutDown();
  }
}

function first(keys: ReadonlySet<string>): string | undefined {
  for (const key of keys) return key;
  return undefined;
}
