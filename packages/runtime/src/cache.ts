/**
 * The port to a read cache. Law: `get` and `set` never throw and are bounded in time, so a cache that is down or slow is only a miss;
 * `ping` tells the truth about it. Nothing is ever stored here alone.
 */
export interface Cache {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttlMillis: number): Promise<void>;
  /** Best effort, as `set`: readers must bear a stale value until its time is up. */
  delete(key: string): Promise<void>;
  /** One round trip; rejects when there is no answer in time. */
  ping(timeoutMillis: number): Promise<void>;
  close(): Promise<void>;
}

/** The most that a reader waits for the cache before it asks the database. */
export const cacheTimeoutMillis = 250;
