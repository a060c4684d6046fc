/** A process that is stopped (SIGSTOP) and wakes up later: its clock goes on, its timers and its answers wait. */
import type { Clock } from '../clock.ts';

export class Freezer {
  #thawed: Promise<void> | undefined;
  #thaw: () => void = () => undefined;
  #late: (() => void)[] = [];

  freeze(): void {
    this.#thawed ??= new Promise((resolve) => (this.#thaw = resolve));
  }

  /** Late timers run in the order in which they were due, after the caller's own code: as in a process that wakes up. */
  thaw(): void {
    this.#thawed = undefined;
    this.#thaw();
    for (const run of this.#late.splice(0)) queueMicrotask(run);
  }

  async whenThawed(): Promise<void> {
    while (this.#thawed !== undefined) await this.#thawed;
  }

  /** `skewMillis`: how wrong the wall clock of this process is. */
  clockOn(clock: Clock, skewMillis = 0): Clock {
    return {
      now: () => clock.now(),
      wallMillis: () => clock.wallMillis() + skewMillis,
      schedule: (delayMillis, run) => {
        let isCancelled = false;
        const runOnce = (): void => {
          if (!isCancelled) run();
        };
        const cancel = clock.schedule(delayMillis, () => {
          if (this.#thawed === undefined) runOnce();
          else this.#late.push(runOnce);
        });
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }
}
