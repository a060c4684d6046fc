import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An append-only file of JSON lines. What was awaited is on the disk, whatever happens to the process. */
export interface Journal {
  /** Resolves when the line is on the disk. Lines that arrive while a write is running share the next one. */
  append(entry: object): Promise<void>;
  /** Resolves when everything appended so far is on the disk: an answer must not tell what a crash could still take back. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export async function openJournal(
  file: string,
): Promise<{ readonly journal: Journal; readonly entries: readonly object[] }> {
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'a+');
  const text = await readFile(file, 'utf8');
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  // A line without its end was being written when the process died: it was never answered, so it never happened.
  if (complete.length < text.length) await handle.truncate(Buffer.byteLength(complete));
  const entries = complete
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);

  let waiting: string[] = [];
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function writeWaiting(): Promise<void> {
    const lines = waiting;
    waiting = [];
    await handle.appendFile(lines.join(''));
    await handle.datasync();
  }

  async function afterRunning(previous: Promise<void> | undefined): Promise<void> {
    // When the previous write failed, memory is ahead of the file: everything after it must fail too.
    await previous;
    running = next;
    next = undefined;
    await writeWaiting();
  }

  function append(entry: object): Promise<void> {
    waiting.push(`${JSON.stringify(entry)}\n`);
    next ??= afterRunning(running);
    return next;
  }

  async function settled(): Promise<void> {
    await (next ?? running);
  }

  async function close(): Promise<void> {
    await settled();
    await handle.close();
  }

  return { journal: { append, settled, close }, entries };
}

/** The file is our own, written by this program alone: what is not an object was not written by us. */
function parseLine(line: string): object {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null)
    throw new Error('the ledger file holds a line that is not an entry');
  return value;
}
