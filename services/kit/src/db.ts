/** The port to a service's own database: PostgreSQL (`pg`) in production, PGlite embedded. Same SQL (PostgreSQL 15), one behaviour suite. */

export interface QueryResult<T> {
  readonly rows: readonly T[];
  readonly rowCount: number;
}

/** jsonb parameters are passed as JSON text, bigint comes back as a number (money is cents and fits). */
export type SqlValue = string | number | boolean | null | Date | readonly string[] | readonly number[];

export interface Tx {
  query<T extends object>(text: string, params?: readonly SqlValue[]): Promise<QueryResult<T>>;
  /** Several statements without parameters, e.g. a migration. */
  exec(script: string): Promise<void>;
  /** Runs after the commit and never after a rollback; outside of a transaction at once. For nudges: a crash in between loses it. */
  afterCommit(callback: () => void): void;
}

export interface TxOptions {
  /** Default false. Without any time-out per statement: for work whose length nobody can bound, e.g. a migration of a large table. */
  readonly unlimited?: boolean;
}

/** Held until released, or until this process or its connection to the database dies. */
export interface SessionLock {
  held(): boolean;
  release(): Promise<void>;
}

export interface Db extends Tx {
  /** READ COMMITTED. Commits when `fn` resolves, rolls back when it rejects. Using the outer Db inside `fn` throws. */
  tx<R>(fn: (tx: Tx) => Promise<R>, options?: TxOptions): Promise<R>;
  /** Mutual exclusion between all processes on this database; undefined when another holds the name. */
  tryLock(name: string): Promise<SessionLock | undefined>;
  ping(timeoutMillis: number): Promise<void>;
  close(): Promise<void>;
}
