import { ensureError } from '@sagamesh/runtime/errors';
import type { EffectKind } from './fault.ts';
import type { SeededRandom } from './random.ts';
import { simulationEpochMillis } from './sim.ts';
import type { Sim } from './sim.ts';

/** A place where processes run one after the other: each start is a new process that knows nothing of the one before. */

/** What starts when the host does. Everything that it does outside of its own memory goes through `process`. */
export type Program = (process: SimProcess) => void | Promise<void>;

export interface HostOptions {
  readonly sim: Sim;
  /** Unique, e.g. `operator-1`, `order-1`. */
  readonly name: string;
  /** What it runs, e.g. `operator`, `order`: for coverage counts. */
  readonly role: string;
  readonly program: Program;
}

export class Host {
  readonly name: string;
  readonly role: string;
  readonly sim: Sim;
  /** How wrong its wall clock is. */
  skewMillis = 0;
  readonly #program: Program;
  #process: SimProcess | undefined;
  #starts = 0;

  constructor({ sim, name, role, program }: HostOptions) {
    this.sim = sim;
    this.name = name;
    this.role = role;
    this.#program = program;
    sim.faults.register(this);
  }

  get process(): SimProcess | undefined {
    return this.#process;
  }

  start(): void {
    if (this.#process !== undefined) return;
    this.#starts += 1;
    const process = new SimProcess(this, this.#starts);
    this.#process = process;
    this.sim.trace.add(this.sim.nowMillis, this.name, `starts (${this.#starts})`);
    void Promise.resolve(this.#program(process)).catch((error: unknown) => {
      // A program that fails to start ends as a real one would, and is started again.
      if (!process.isAlive) return;
      this.sim.trace.add(this.sim.nowMillis, this.name, `failed to start: ${String(error)}`);
      this.sim.count('program failed to start');
      this.crash(1_000);
    });
  }

  /** Kill -9, and a new process after the pause. False: nothing ran. */
  crash(downMillis: number): boolean {
    const process = this.#process;
    if (process === undefined) return false;
    this.sim.trace.add(this.sim.nowMillis, this.name, 'dies');
    this.#process = undefined;
    process.die();
    this.sim.after(downMillis, () => this.start());
    return true;
  }

  /** SIGSTOP, and SIGCONT after the pause. */
  pause(forMillis: number): boolean {
    const process = this.#process;
    if (process === undefined || process.isPaused) return false;
    process.pause();
    this.sim.after(forMillis, () => process.resume());
    return true;
  }

  resume(): void {
    this.#process?.resume();
  }
}

/** The latency of one way of an effect, in virtual milliseconds. */
const latencyMillis = { min: 0.2, spread: 3 };

/** One life of a program: its clock, its randomness, and the door to everything outside of its memory. */
export class SimProcess {
  readonly host: Host;
  /** Changes with every start: what a real process would make anew. */
  readonly nonce: string;
  readonly random: SeededRandom;
  /** The port that the product's parts take (operator/src/kube/clock.ts). */
  readonly clock = {
    now: (): number => this.sim.nowMillis,
    wallMillis: (): number => simulationEpochMillis + this.sim.nowMillis + this.host.skewMillis,
    schedule: (delayMillis: number, run: () => void): (() => void) =>
      this.sim.after(delayMillis, () => this.deliver(run)),
  };
  #isAlive = true;
  #isPaused = false;
  readonly #waiting: (() => void)[] = [];
  readonly #onDeath: (() => void)[] = [];

  constructor(host: Host, start: number) {
    this.host = host;
    this.nonce = `${host.name}-${start}`;
    this.random = host.sim.fork(this.nonce);
  }

  get sim(): Sim {
    return this.host.sim;
  }

  get name(): string {
    return this.host.name;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Something from outside reaches the process: never when it is dead, later when it is paused. */
  deliver(run: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isPaused) this.#waiting.push(run);
    else run();
  }

  /** For fakes that hold something of a process: connections, subscriptions, open transactions. */
  onDeath(release: () => void): void {
    if (this.#isAlive) this.#onDeath.push(release);
    else release();
  }

  /**
   * One effect outside of the process: on its way, carried out, on its way back. Dies before it (never carried out) or after it (carried out,
   * nobody hears) when a fault says so. What `apply` throws is what the caller gets; a promise is waited for. A dead caller gets nothing, for ever.
   */
  effect<T>(kind: EffectKind, what: string, apply: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.#isAlive || this.sim.faults.diesAt(this.host, kind, 'before', what)) return;
      this.sim.count(`effect ${kind} (${this.host.role})`);
      this.sim.after(this.#latencyMillis(), () => {
        this.sim.trace.add(this.sim.nowMillis, this.name, `${kind} ${what}`);
        const done = (value: T): void => this.#answer(kind, what, () => resolve(value));
        const failed = (error: unknown): void => this.#answer(kind, what, () => reject(ensureError(error)));
        // Carried out even if the process died on the way: what was sent was sent.
        let result: T | Promise<T>;
        try {
          result = apply();
        } catch (error) {
          return failed(error);
        }
        if (!(result instanceof Promise)) return done(result);
        const underWay = result;
        this.sim.realWork(() => underWay).then(done, failed);
      });
    });
  }

  #answer(kind: EffectKind, what: string, tell: () => void): void {
    if (!this.#isAlive || this.sim.faults.diesAt(this.host, kind, 'after', what)) return;
    this.sim.after(this.#latencyMillis(), () => this.deliver(tell));
  }

  #latencyMillis(): number {
    return latencyMillis.min + this.random.next() * latencyMillis.spread;
  }

  /** The program ends itself (lost the Lease, say): whoever runs it starts it again. */
  exit(): void {
    if (this.#isAlive) this.host.crash(1_000);
  }

  die(): void {
    this.#isAlive = false;
    this.#waiting.length = 0;
    for (const release of this.#onDeath.splice(0)) release();
  }

  pause(): void {
    this.#isPaused = true;
    this.sim.trace.add(this.sim.nowMillis, this.name, 'paused');
  }

  resume(): void {
    if (!this.#isAlive || !this.#isPaused) return;
    this.#isPaused = false;
    this.sim.trace.add(this.sim.nowMillis, this.name, 'resumed');
    for (const run of this.#waiting.splice(0)) this.sim.after(0, () => this.deliver(run));
  }
}
