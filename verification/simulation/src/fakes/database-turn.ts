/** Whose turn it is to have the database's one transaction: first come, first served. */

interface Waiting {
  readonly grant: () => void;
}

export class Turn {
  readonly #queue: Waiting[] = [];
  #isTaken = false;

  /** Calls `grant` when it is their turn, perhaps at once. The returned function leaves the queue; after the grant it does nothing. */
  take(grant: () => void): () => void {
    if (!this.#isTaken) {
      this.#isTaken = true;
      grant();
      return () => undefined;
    }
    const waiting = { grant };
    this.#queue.push(waiting);
    return () => {
      const at = this.#queue.indexOf(waiting);
      if (at >= 0) this.#queue.splice(at, 1);
    };
  }

  /** By whoever had it, once. */
  giveBack(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#isTaken = false;
    else next.grant();
  }
}
