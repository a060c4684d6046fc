import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';

/**
 * An empty database as a tar, kept in the user's cache: initdb in WebAssembly takes 4 s, unpacking 0.5 s. It only saves time: whatever is
 * wrong with the cache, the database is made without it.
 */

/**
 * The package, when it is first needed. Not imported at the top: in a bundle that import would run at the start of the process, and an
 * image for PostgreSQL does not have the package.
 */
export async function loadPglite(): Promise<typeof PGlite> {
  return (await import('@electric-sql/pglite')).PGlite;
}

function cacheFile(): string {
  const cacheDir = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cacheDir, 'sagamesh', `pglite-empty-${pgliteVersion()}.tar`);
}

/** A database made by another version must not be taken for ours. Bundled, the package may be gone: then nothing is cached across versions. */
function pgliteVersion(): string {
  try {
    const require = createRequire(import.meta.url);
    const entry = require.resolve('@electric-sql/pglite');
    const manifest: unknown = require(join(dirname(entry), '..', 'package.json'));
    if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
      return String(manifest.version);
  } catch {
    // Falls through.
  }
  return `unknown-${process.pid}`;
}

/** The template, from the cache or new; undefined when it cannot be made. */
export async function emptyDatabase(startParams: readonly string[]): Promise<Blob | undefined> {
  const file = cacheFile();
  try {
    return new Blob([await readFile(file)]);
  } catch {
    // Not there yet.
  }
  try {
    const db = await (await loadPglite()).create({ startParams: [...startParams] });
    const tar = await db.dumpDataDir('none');
    await db.close();
    await store(file, new Uint8Array(await tar.arrayBuffer())).catch(() => undefined);
    return tar;
  } catch {
    return undefined;
  }
}

/** Several processes may do this at once: each writes its own file, and a rename is atomic. */
async function store(file: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.${randomUUID()}`;
  try {
    await writeFile(partial, content);
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}

/** The cached template turned out to be unusable. */
export async function forgetEmptyDatabase(): Promise<void> {
  await rm(cacheFile(), { force: true });
}
