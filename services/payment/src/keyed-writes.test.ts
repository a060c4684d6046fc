import { RetryableError } from '@sagamesh/runtime/errors';
import { expect, test } from 'vitest';
import { createKeyedWrites } from './keyed-writes.ts';

class Failure extends Error {
  readonly replayed: boolean;
  constructor(replayed: boolean) {
    super(replayed ? 'replayed' : 'fresh');
    this.replayed = replayed;
  }
}

const isReplayed = (error: unknown) => error instanceof Failure && error.replayed;

/** A provider that stores the first answer of each key; the first `failures` keys that it sees fail. */
function provider(failures: number) {
  const stored = new Map<string, string>();
  const keys: string[] = [];
  const call = (key: string): Promise<string> => {
    keys.push(key);
    const answer = stored.get(key);
    if (answer === 'failure') return Promise.reject(new Failure(true));
    if (answer !== undefined) return Promise.resolve(answer);
    const fails = stored.size < failures;
    stored.set(key, fails ? 'failure' : `object of ${key}`);
    return fails ? Promise.reject(new Failure(false)) : Promise.resolve(`object of ${key}`);
  };
  return { call, keys };
}

test('the first key is the place itself, and a repeat uses it again', async () => {
  const writes = createKeyedWrites(isReplayed);
  const { call, keys } = provider(0);
  await writes.write('saga/step/intent', call);
  await writes.write('saga/step/intent', call);
  expect(keys).toEqual(['saga/step/intent', 'saga/step/intent']);
});

test('a stored failure costs one more attempt, not the write', async () => {
  const writes = createKeyedWrites(isReplayed);
  const { call } = provider(2);
  await expect(writes.write('p', call)).rejects.toThrow('fresh');
  await expect(writes.write('p', call)).rejects.toThrow('fresh');
  expect(await writes.write('p', call)).toBe('object of p/2');
});

test('a fresh failure is never passed in the same attempt: its outcome is unknown', async () => {
  const { call, keys } = provider(5);
  await expect(createKeyedWrites(isReplayed).write('p', call)).rejects.toThrow('fresh');
  expect(keys).toEqual(['p']);
});

test('a process that forgot everything ends at the same object', async () => {
  const { call } = provider(3);
  const first = createKeyedWrites(isReplayed);
  for (const _ of [1, 2, 3]) await expect(first.write('p', call)).rejects.toThrow('fresh');
  const object = await first.write('p', call);
  expect(await createKeyedWrites(isReplayed).write('p', call)).toBe(object);
  expect(await first.write('p', call)).toBe(object);
});

test('after a long run of stored failures the walk goes on where the last attempt stopped', async () => {
  const { call, keys } = provider(50);
  for (let spent = 0; spent < 50; spent += 1) {
    await expect(call(spent === 0 ? 'p' : `p/${spent}`)).rejects.toThrow('fresh');
  }
  const writes = createKeyedWrites(isReplayed);
  await expect(writes.write('p', call)).rejects.toThrow(RetryableError);
  await expect(writes.write('p', call)).rejects.toThrow(RetryableError);
  keys.length = 0;
  expect(await writes.write('p', call)).toBe('object of p/50');
  expect(keys).toHaveLength(11);
});
