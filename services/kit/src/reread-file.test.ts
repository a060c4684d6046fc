import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { rereadFile } from './reread-file.ts';

let folder: string;
let file: string;
let nowMillis = 0;
let told: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reread-'));
  file = join(folder, 'number.json');
  told = [];
  vi.spyOn(performance, 'now').mockImplementation(() => nowMillis);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function put(text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

const open = () =>
  rereadFile(file, {
    parse: (text): unknown => JSON.parse(text),
    onError: (error) => void told.push(error instanceof Error ? error.name : 'unknown'),
  });

it('answers what the file says, looked at again after a second', async () => {
  await put('1');
  const current = open();
  expect(await current()).toBe(1);
  await put('2');
  expect(await current()).toBe(1);
  nowMillis += 1_000;
  expect(await current()).toBe(2);
});

it('goes on with what it read last while the file is half written or away, and tells of that once', async () => {
  await put('[1]');
  const current = open();
  expect(await current()).toEqual([1]);
  const lookAgain = () => {
    nowMillis += 1_000;
    return current();
  };
  await put('[1, 2');
  for (let look = 0; look < 3; look += 1) expect(await lookAgain()).toEqual([1]);
  await rm(file);
  expect(await lookAgain()).toEqual([1]);
  expect(told).toEqual(['SyntaxError']);
  await put('[1, 2]');
  expect(await lookAgain()).toEqual([1, 2]);
  await rm(file);
  expect(await lookAgain()).toEqual([1, 2]);
  expect(told).toEqual(['SyntaxError', 'Error']);
});

it('rejects as long as there was never anything to read', async () => {
  const current = open();
  await expect(current()).rejects.toThrow('ENOENT');
  await expect(current()).rejects.toThrow('a moment ago');
  await put('1');
  nowMillis += 1_000;
  expect(await current()).toBe(1);
});
