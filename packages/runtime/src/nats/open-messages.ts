/**
 * Which stream sequences this process has received and not dealt with. Needed only when a consumer is lost: the new one must start before
 * the oldest of them.
 */

/** More than any consumer may have open; beyond it the oldest are forgotten (another process settled them long ago). */
const rememberedMax = 10_000;

export class OpenMessages {
  readonly #open = new Set<number>();
  #highest = 0;

  /** Starts over behind `floor`: a stream that was made anew counts from 1 again. */
  reset(floor: number): void {
    this.#open.clear();
    this.#highest = floor;
  }

  received(sequence: number): void {
    this.#open.add(sequence);
    this.#highest = Math.max(this.#highest, sequence);
    if (this.#open.size > rememberedMax) this.#open.delete(Math.min(...this.#open));
  }

  settled(sequence: number): void {
    this.#open.delete(sequence);
  }

  /** The server knows that everything up to here is acknowledged, by whomever. */
  settleUpTo(floor: number): void {
    for (const sequence of this.#open) if (sequence <= floor) this.#open.delete(sequence);
    this.#highest = Math.max(this.#highest, floor);
  }

  /** Everything up to here is dealt with. */
  floor(): number {
    let lowest = this.#highest + 1;
    for (const sequence of this.#open) lowest = Math.min(lowest, sequence);
    return lowest - 1;
  }
}
