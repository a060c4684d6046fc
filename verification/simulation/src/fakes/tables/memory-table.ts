import { uniqueViolation } from './sql-failure.ts';
import type { UndoLog } from './undo-log.ts';

/** A table in memory: rows by primary key in the order in which they were first written. Rows are never changed, only replaced. */

export interface Index<Row> {
  /** Throws when the row must not be there beside the others. */
  assertFits(key: string, row: Row): void;
  add(key: string, row: Row): void;
  remove(key: string, row: Row): void;
}

export interface TableOptions<Row> {
  readonly log: UndoLog;
  /** Of the primary key's constraint. */
  readonly primaryKey: string;
  readonly indexes?: readonly Index<Row>[];
  /** CHECK constraints and row triggers: throws when `after` must not follow `before`. */
  readonly guard?: (after: Row, before: Row | undefined) => void;
}

export class MemoryTable<Row extends object> {
  readonly #rows = new Map<string, Row>();
  readonly #options: TableOptions<Row>;
  readonly #indexes: readonly Index<Row>[];

  constructor(options: TableOptions<Row>) {
    this.#options = options;
    this.#indexes = options.indexes ?? [];
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  values(): IterableIterator<Row> {
    return this.#rows.values();
  }

  insert(key: string, row: Row): void {
    if (this.#rows.has(key)) throw uniqueViolation(this.#options.primaryKey);
    this.#put(key, row, undefined);
  }

  /** The row must be there. */
  replace(key: string, row: Row): void {
    this.#put(key, row, this.#rows.get(key));
  }

  delete(key: string): void {
    const before = this.#rows.get(key);
    if (before === undefined) return;
    this.#options.log.add(this, key, before);
    this.#set(key, undefined, before);
  }

  restore(key: string, before: object | undefined): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the log gives back what `#put` and `delete` of this table gave it
    this.#set(key, before as Row | undefined, this.#rows.get(key));
  }

  /** What the open transaction changed so far: one change per row, from before the transaction to now. */
  changes(): readonly { readonly before: Row | undefined; readonly after: Row | undefined }[] {
    return [...this.#options.log.firstChanges(this)].map(([key, before]) => ({
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in `restore`
      before: before as Row | undefined,
      after: this.#rows.get(key),
    }));
  }

  /** What the last commit left, whatever an open transaction is doing. */
  committedRows(): readonly Row[] {
    const changed = this.#options.log.firstChanges(this);
    if (changed.size === 0) return [...this.#rows.values()];
    const rows: Row[] = [];
    for (const [key, row] of this.#rows) if (!changed.has(key)) rows.push(row);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in `restore`
    for (const before of changed.values()) if (before !== undefined) rows.push(before as Row);
    return rows;
  }

  #put(key: string, row: Row, before: Row | undefined): void {
    this.#options.guard?.(row, before);
    for (const index of this.#indexes) index.assertFits(key, row);
    this.#options.log.add(this, key, before);
    this.#set(key, row, before);
  }

  #set(key: string, row: Row | undefined, before: Row | undefined): void {
    for (const index of this.#indexes) {
      if (before !== undefined) index.remove(key, before);
      if (row !== undefined) index.add(key, row);
    }
    if (row === undefined) this.#rows.delete(key);
    else this.#rows.set(key, row);
  }
}

/** A unique index; rows whose value is undefined are not in it (NULL, or outside of its WHERE). */
export class UniqueIndex<Row> implements Index<Row> {
  readonly #constraint: string;
  readonly #valueOf: (row: Row) => string | undefined;
  readonly #keys = new Map<string, string>();

  constructor(constraint: string, valueOf: (row: Row) => string | undefined) {
    this.#constraint = constraint;
    this.#valueOf = valueOf;
  }

  /** The primary key of the row that has the value. */
  keyOf(value: string): string | undefined {
    return this.#keys.get(value);
  }

  assertFits(key: string, row: Row): void {
    const value = this.#valueOf(row);
    if (value === undefined) return;
    const holder = this.#keys.get(value);
    if (holder !== undefined && holder !== key) throw uniqueViolation(this.#constraint);
  }

  add(key: string, row: Row): void {
    const value = this.#valueOf(row);
    if (value !== undefined) this.#keys.set(value, key);
  }

  remove(_key: string, row: Row): void {
    const value = this.#valueOf(row);
    if (value !== undefined) this.#keys.delete(value);
  }
}

/** Rows by a value that many of them may have. */
export class GroupIndex<Row> implements Index<Row> {
  readonly #valueOf: (row: Row) => string | undefined;
  readonly #groups = new Map<string, Map<string, Row>>();

  constructor(valueOf: (row: Row) => string | undefined) {
    this.#valueOf = valueOf;
  }

  of(value: string): readonly Row[] {
    return [...(this.#groups.get(value)?.values() ?? [])];
  }

  assertFits(): void {}

  add(key: string, row: Row): void {
    const value = this.#valueOf(row);
    if (value === undefined) return;
    const group = this.#groups.get(value);
    if (group === undefined) this.#groups.set(value, new Map([[key, row]]));
    else group.set(key, row);
  }

  remove(key: string, row: Row): void {
    const value = this.#valueOf(row);
    if (value === undefined) return;
    const group = this.#groups.get(value);
    group?.delete(key);
    if (group?.size === 0) this.#groups.delete(value);
  }
}
