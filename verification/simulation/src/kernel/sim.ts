import { nextTick } from 'node:process';
import { EventHeap } from './event-heap.ts';
import type { TimedEvent } from './event-heap.ts';
import { FaultEngine } from './fault-engine.ts';
import { SeededRandom } from './random.ts';
import { Trace } from './trace.ts';

/**
 * The simulation's kernel: virtual time, one seeded scheduler, processes that can die, and the effect boundaries at which they do. Nothing in
 * it knows of sagas. Everything runs on one thread: one event, then everything that it set off, then the next event. This file: time.
 */

/** All runs begin here, in epoch milliseconds. */
export const simulationEpochMillis = Date.UTC(2026, 0, 1);

export interface SimOptions {
  readonly seed: number | string;
  /** Keep the last trace lines for reading; the hash is always made. Default false. */
  readonly keepTrace?: boolean;
  /** More events than any honest run needs: beyond it something goes round in circles. Default 3 million. */
  readonly eventsMax?: number;
}

/** The run never comes to rest. */
export class SimOverrunError extends Error {
  override readonly name = 'SimOverrunError';
}

export class Sim {
  readonly seed: string;
  /** For what belongs to nobody in particular; parts fork their own with `fork`. */
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly faults: FaultEngine;
  /** How often something was seen at all: "sometimes" assertions. */
  readonly counts = new Map<string, number>();
  #nowMillis = 0;
  #sequence = 0;
  #realWork = 0;
  #eventsRun = 0;
  readonly #eventsMax: number;
  readonly #heap = new EventHeap();

  constructor(options: SimOptions) {
    this.seed = String(options.seed);
    this.#eventsMax = options.eventsMax ?? 3_000_000;
    this.random = this.fork('sim');
    this.trace = new Trace(options.keepTrace ?? false);
    this.faults = new FaultEngine(this);
  }

  /** Virtual milliseconds since the start. */
  get nowMillis(): number {
    return this.#nowMillis;
  }

  get eventsRun(): number {
    return this.#eventsRun;
  }

  /** Nothing will ever happen by itself any more. */
  get isIdle(): boolean {
    return this.#heap.peek() === undefined;
  }

  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${name}`);
  }

  count(name: string, times = 1): void {
    if (times > 0) this.counts.set(name, (this.counts.get(name) ?? 0) + times);
  }

  /** Runs once, after the delay. The returned function cancels. */
  after(delayMillis: number, run: () => void): () => void {
    this.#sequence += 1;
    const event: TimedEvent = {
      atMillis: this.#nowMillis + Math.max(0, delayMillis),
      sequence: this.#sequence,
      run,
      cancelled: false,
    };
    this.#heap.push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Work that takes real time (an SQL engine): the virtual clock stands still until it is done. */
  async realWork<T>(work: () => Promise<T>): Promise<T> {
    this.#realWork += 1;
    try {
      return await work();
    } finally {
      this.#realWork -= 1;
    }
  }

  /** Lets everything happen until then (virtual milliseconds since the start), or until `done` says so. */
  async runUntil(endMillis: number, done: () => boolean = () => false): Promise<void> {
    await turnOfTheEventLoop();
    await this.#settle();
    for (;;) {
      if (done()) return;
      const next = this.#heap.peek();
      if (next === undefined || next.atMillis > endMillis) break;
      this.#heap.pop();
      this.#nowMillis = Math.max(this.#nowMillis, next.atMillis);
      this.#eventsRun += 1;
      if (this.#eventsRun > this.#eventsMax) {
        throw new SimOverrunError(
          `more than ${this.#eventsMax} events until ${this.#nowMillis.toFixed(0)} ms`,
        );
      }
      next.run();
      await this.#settle();
    }
    this.#nowMillis = Math.max(this.#nowMillis, endMillis);
  }

  /**
   * Every promise that can go on goes on: Node runs a tick when no such promise is left. What runs inside has no timers, ticks or I/O of its own;
   * only real work does, and is waited for.
   */
  async #settle(): Promise<void> {
    await new Promise<void>(nextTick);
    while (this.#realWork > 0) await turnOfTheEventLoop();
  }
}

/** Lets go on what waits for something real, like the test that watches a run. */
function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
