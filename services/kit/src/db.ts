/** The port to a service's own database: PostgreSQL (`pg`) in production, PGlite embedded. Same SQL (PostgreSQL 15), one behaviour suite. */

export interface QueryResult<T> {
  readonly rows: readonly T[];
  readonly rowCount: number;
}

/** jsonb parameters are passed as JSON text, bigint comes back as a number (money is cents and fits). */
export type SqlValue = string | number | boolean | null | Date | readonly string[] | readonly number[];

export interface Tx {
  query<T extends object>(text: string, params?: readonly SqlValue[]): Promise<QueryResult<T>>;
}

export interface Db extends Tx {
  /** READ COMMITTED. Commits when `fn` resolves, rolls back when it rejects. Using the outer Db inside `fn` throws. */
  tx<R>(fn: (tx: Tx) => Promise<R>): Promise<R>;
  ping(timeoutMillis: number): Promise<void>;
  close(): Promise<void>;
}
