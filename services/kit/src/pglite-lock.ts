import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TerminalError } from '@sagamesh/runtime/errors';

/**
 * PGlite does not lock its data directory: a second process opens it in silence, and acknowledged rows are lost. So we lock it ourselves,
 * with the pid and the start time of the process (pids are used again). Processes that cannot see each other's pids are not covered.
 */

interface Holder {
  readonly pid: number;
  /** Clock ticks since boot (proc(5), `stat`, field 22); empty where there is no /proc. */
  readonly startTime: string;
}

function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold spaces; field 22 is the 20th after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (thrown) {
    // EPERM: it lives and belongs to someone else.
    if (!(thrown instanceof Error) || Reflect.get(thrown, 'code') !== 'EPERM') return false;
  }
  return startTimeOf(holder.pid) === holder.startTime;
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const [pid, startTime] = (await readFile(file, 'utf8')).split(' ');
    return { pid: Number(pid), startTime: startTime ?? '' };
  } catch {
    return undefined;
  }
}

function isErrorCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && Reflect.get(thrown, 'code') === code;
}

/** Locks `dir`, or throws TerminalError naming the process that has it. Answers the function that unlocks it. */
export async function lockDirectory(dir: string): Promise<() => Promise<void>> {
  const lock = join(dir, 'sagamesh.lock');
  const mine = join(dir, `.lock-${randomUUID()}`);
  await writeFile(mine, `${process.pid} ${startTimeOf(process.pid)}`);
  try {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      try {
        // A link appears with its content or not at all, and fails when the name is taken.
        await link(mine, lock);
        return () => rm(lock, { force: true });
      } catch (thrown) {
        if (!isErrorCode(thrown, 'EEXIST')) throw thrown;
      }
      const holder = await readHolder(lock);
      if (holder === undefined) continue;
      if (isAlive(holder))
        throw new TerminalError(
          `the database directory ${dir} is in use by process ${holder.pid}: stop it first`,
        );
      await removeStale(lock, holder);
    }
    throw new TerminalError(`the database directory ${dir} could not be locked`);
  } finally {
    await rm(mine, { force: true });
  }
}

/** Of several processes that find the same stale lock one wins; a lock that turned out to be fresh is put back. */
async function removeStale(lock: string, stale: Holder): Promise<void> {
  const aside = `${lock}.${randomUUID()}`;
  try {
    await rename(lock, aside);
  } catch {
    return;
  }
  const moved = await readHolder(aside);
  if (moved !== undefined && (moved.pid !== stale.pid || moved.startTime !== stale.startTime))
    await link(aside, lock).catch(() => undefined);
  await rm(aside, { force: true });
}
