import type { QueryResult, SqlValue } from '@sagamesh/kit/db';

/**
 * What stands behind a simulated database: something that runs one transaction at a time. Errors are those of the real ports: RetryableError
 * for what may pass, the engine's own error with its SQLSTATE for the rest.
 */
export interface DatabaseEngine {
  begin(): Promise<EngineTx>;
}

export interface EngineTx {
  /** How much was done so far; in the trace, so that runs which write differently differ. */
  readonly weight: number;
  query(text: string, params: readonly SqlValue[]): Promise<QueryResult<object>>;
  exec(script: string): Promise<void>;
  /** RetryableError when a statement failed before: everything is rolled back then. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
}
