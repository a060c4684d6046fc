/** A lock file that names its holder, so that the lock of a dead process can be taken over. */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { isAlive, ownProcess, type ProcessRef } from './process-identity.ts';

export type PidLock =
  | { readonly kind: 'acquired'; readonly release: () => void }
  | { readonly kind: 'held'; readonly holder: ProcessRef };

const holderSchema = z.object({ pid: z.number().int().positive(), identity: z.string() });

/** Tries once, never waits. Two holders in one process exclude each other, too. */
export function tryPidLock(path: string): PidLock {
  // Written aside and linked: nobody ever reads a lock that is only half written.
  const own = JSON.stringify({ ...ownProcess(), nonce: randomUUID() });
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, own);
  try {
    for (;;) {
      if (linkUnlessExists(draft, path)) return { kind: 'acquired', release: () => removeIfHolds(path, own) };
      const text = readIfExists(path);
      if (text === undefined) continue;
      const holder = parseHolder(text);
      if (holder !== undefined && isAlive(holder)) return { kind: 'held', holder };
      removeIfHolds(path, text);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The living holder of a lock, if any. */
export function lockHolder(path: string): ProcessRef | undefined {
  const text = readIfExists(path);
  const holder = text === undefined ? undefined : parseHolder(text);
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

function parseHolder(text: string): ProcessRef | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Removes the lock only if it is still the one that was read: it is moved aside first (one process wins that),
 * and put back if meanwhile somebody else had taken it.
 */
function removeIfHolds(path: string, expected: string): void {
  if (readIfExists(path) !== expected) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readIfExists(aside) !== expected) linkUnlessExists(aside, path);
  rmSync(aside, { force: true });
}

function linkUnlessExists(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
