import { readFile, stat } from 'node:fs/promises';

/**
 * A file that is exchanged while the process runs (a mounted Secret or ConfigMap, when keys rotate): looked at once a second and only when
 * somebody asks, read when it changed. A file that became unreadable changes nothing: what it said last goes on.
 */

const checkMillis = 1_000;

export interface RereadFileOptions<T> {
  /** Throws when the text is not what it should be. */
  readonly parse: (text: string) => T;
  /** Told of the first look that fails, also when older contents are still there; of the next only after one that did not. */
  readonly onError?: (error: unknown) => void;
}

/** The current contents. Rejects only as long as the file was never readable. */
export function rereadFile<T>(file: string, { parse, onError }: RereadFileOptions<T>): () => Promise<T> {
  let latest: { readonly contents: T } | undefined;
  let stamp = '';
  let checkedAtMillis = Number.NEGATIVE_INFINITY;
  let checking: Promise<void> | undefined;
  let failing = false;
  async function refresh(): Promise<void> {
    const { mtimeMs, size, ino } = await stat(file);
    const now = `${mtimeMs}/${size}/${ino}`;
    if (now === stamp) return;
    latest = { contents: parse(await readFile(file, 'utf8')) };
    stamp = now;
  }
  async function look(): Promise<void> {
    try {
      await refresh();
      failing = false;
    } catch (thrown) {
      if (!failing) onError?.(thrown);
      failing = true;
      throw thrown;
    } finally {
      checking = undefined;
    }
  }
  return async () => {
    if (performance.now() - checkedAtMillis >= checkMillis) {
      checkedAtMillis = performance.now();
      checking = look();
    }
    try {
      // Also for a look that another caller began: before the first one ends there are no contents at all.
      await checking;
    } catch (thrown) {
      if (latest === undefined) throw thrown;
    }
    if (latest === undefined) throw new Error('the file could not be read a moment ago');
    return latest.contents;
  };
}
