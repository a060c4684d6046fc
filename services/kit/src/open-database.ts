import { TerminalError } from '@sagamesh/runtime/errors';
import type { Db } from './db.ts';

/** Picks the engine by URL. Each is loaded only when it is asked for: PGlite is 20 MB that production never needs. */

export interface DatabaseOptions {
  /** PostgreSQL: size of the pool, default 12. */
  readonly maxConnections?: number;
  /** PostgreSQL, default 10000. */
  readonly statementTimeoutMillis?: number;
  /** PGlite directories, default true. */
  readonly fsync?: boolean;
}

export type Engine = 'postgres' | 'pglite';

const pglitePrefix = 'pglite:';

/** Undefined for a URL that no engine serves. */
export function engineOf(url: string): Engine | undefined {
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgres';
  return url.startsWith(pglitePrefix) && url.length > pglitePrefix.length ? 'pglite' : undefined;
}

/** `postgres://...` connects when first used; `pglite:<dir>` and `pglite:memory` are open when this resolves. */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Db> {
  const engine = engineOf(url);
  switch (engine) {
    case 'postgres': {
      const { PgDb } = await import('./pg-db.ts');
      return new PgDb(url, options);
    }
    case 'pglite': {
      const { openPglite } = await import('./pglite-db.ts');
      return openPglite(url.slice(pglitePrefix.length), options);
    }
    case undefined:
      throw new TerminalError('DATABASE_URL must be postgres://..., pglite:<directory> or pglite:memory');
  }
}
