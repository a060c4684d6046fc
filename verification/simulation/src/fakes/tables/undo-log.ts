/** What the open transaction changed, newest last: enough to take it back, and to tell what was committed. */

interface Change {
  readonly table: Undoable;
  readonly key: string;
  /** Undefined: there was no row. */
  readonly before: object | undefined;
}

export interface Undoable {
  restore(key: string, before: object | undefined): void;
}

export class UndoLog {
  readonly #changes: Change[] = [];

  /** A place to go back to. */
  get position(): number {
    return this.#changes.length;
  }

  add(table: Undoable, key: string, before: object | undefined): void {
    this.#changes.push({ table, key, before });
  }

  undoTo(position: number): void {
    while (this.#changes.length > position) {
      const change = this.#changes.pop();
      change?.table.restore(change.key, change.before);
    }
  }

  forget(): void {
    this.#changes.length = 0;
  }

  /** The keys of one table that were changed, each with what it was before the transaction. */
  firstChanges(table: Undoable): ReadonlyMap<string, object | undefined> {
    const first = new Map<string, object | undefined>();
    for (const change of this.#changes) {
      if (change.table === table && !first.has(change.key)) first.set(change.key, change.before);
    }
    return first;
  }
}
