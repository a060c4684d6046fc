import type { DataDir } from '../data-dir.ts';
import { startPostgres } from '../postgres-server.ts';
import type { ServiceName } from './process-catalog.ts';
import { serviceNames } from './process-catalog.ts';

/** One database per service: a folder of PGlite, or a database of one PostgreSQL server. */
export interface Databases {
  readonly databaseUrl: (service: ServiceName) => string;
  stop(): Promise<void>;
}

export async function chooseDatabases(dataDir: DataDir, kind: 'pglite' | 'postgres'): Promise<Databases> {
  if (kind === 'pglite') {
    return {
      databaseUrl: (service) => `pglite:${dataDir.file('databases', service)}`,
      stop: () => Promise.resolve(),
    };
  }
  const server = await startPostgres({ dataDir });
  const urls = new Map<ServiceName, string>();
  for (const service of serviceNames) urls.set(service, await server.createDatabase(service));
  return { databaseUrl: (service) => urls.get(service) ?? server.url, stop: () => server.stop() };
}
