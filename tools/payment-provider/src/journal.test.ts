import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal } from './journal.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'journal-'));
  file = join(directory, 'deep', 'journal.jsonl');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('entries are on the disk when append resolves, in the order of the calls', async () => {
  const { journal } = await openJournal(file);
  const appends = Array.from({ length: 50 }, (_, index) => journal.append({ index }));
  await appends[20];
  expect((await readFile(file, 'utf8')).split('\n').length).toBeGreaterThan(20);
  await Promise.all(appends);
  await journal.close();
  const { entries, journal: reopened } = await openJournal(file);
  expect(entries).toEqual(Array.from({ length: 50 }, (_, index) => ({ index })));
  await reopened.close();
});

test('a line that was torn by a crash is cut off and the next entry starts on a fresh line', async () => {
  const first = await openJournal(file);
  await first.journal.append({ name: 'żółw' });
  await first.journal.close();
  await appendFile(file, '{"name":"to');
  const second = await openJournal(file);
  expect(second.entries).toEqual([{ name: 'żółw' }]);
  await second.journal.append({ name: 'after' });
  await second.journal.close();
  const third = await openJournal(file);
  expect(third.entries).toEqual([{ name: 'żółw' }, { name: 'after' }]);
  await third.journal.close();
});

test('settled waits for everything appended so far', async () => {
  const { journal } = await openJournal(file);
  let written = false;
  void journal.append({ a: 1 }).then(() => (written = true));
  await journal.settled();
  expect(written).toBe(true);
  await journal.close();
});

test('after a failed write nothing more is acknowledged', async () => {
  const { journal } = await openJournal(file);
  await journal.close();
  const closed = 'file closed';
  await expect(journal.append({ a: 1 })).rejects.toThrow(closed);
  await expect(journal.append({ a: 2 })).rejects.toThrow(closed);
  await expect(journal.settled()).rejects.toThrow(closed);
});
