import { RetryableError, TerminalError, ensureError } from '@sagamesh/runtime/errors';

/** What an error from the database means for the caller. Both engines report the SQLSTATE as `code`; texts are never looked at. */

const sqlStatePattern = /^[0-9A-Z]{5}$/;

/** The SQLSTATE (PostgreSQL, appendix A) of a database error or of its cause; undefined for anything else. */
export function sqlStateOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const code: unknown = Reflect.get(thrown, 'code');
  const severity: unknown = Reflect.get(thrown, 'severity');
  if (typeof code === 'string' && sqlStatePattern.test(code) && typeof severity === 'string') return code;
  return thrown.cause === undefined ? undefined : sqlStateOf(thrown.cause);
}

/** Another prepared plan than the table has now (after a migration by another replica): a new connection cures it. */
export const stalePlanState = '0A000';

/**
 * Class 08 connection, 40 rollback (deadlock, serialization), 53 resources, 55P03 lock, 57 cancelled or shutting down, 58 system error,
 * 25006 read-only (a replica after a failover), 25P03/25P04 idle or too long in a transaction (a process that stood still), XX internal.
 */
function isTransient(sqlState: string): boolean {
  return (
    /^(08|40|53|57|58|XX)/.test(sqlState) ||
    ['55P03', '25006', '25P02', '25P03', '25P04', stalePlanState].includes(sqlState)
  );
}

/** Lasting errors keep their identity (a handler may look at the SQLSTATE); passing ones and lost connections become RetryableError. */
export function classifySqlError(thrown: unknown): Error {
  const error = ensureError(thrown);
  if (error instanceof RetryableError || error instanceof TerminalError) return error;
  const state = sqlStateOf(error);
  if (state === undefined) return new RetryableError('the database did not answer', { cause: error });
  if (isTransient(state))
    return new RetryableError(`the database could not finish now (SQLSTATE ${state})`, { cause: error });
  return error;
}
