import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder, tryPidLock } from './pid-lock.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pid-lock-'));
  path = join(folder, 'lock');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('pid lock', () => {
  it('is held by one at a time, in one process too', () => {
    const first = tryPidLock(path);
    expect(first.kind).toBe('acquired');
    expect(tryPidLock(path)).toMatchObject({ kind: 'held', holder: { pid: process.pid } });
    if (first.kind === 'acquired') first.release();
    expect(tryPidLock(path).kind).toBe('acquired');
  });

  it.each([
    ['a dead process', JSON.stringify({ pid: 2 ** 30, identity: 'x' })],
    ['an earlier process with the pid of a living one', JSON.stringify({ pid: process.pid, identity: 'x' })],
    ['nobody readable', '{"pid":'],
  ])('is taken over from %s', (_, text) => {
    writeFileSync(path, text);
    expect(lockHolder(path)).toBeUndefined();
    expect(tryPidLock(path).kind).toBe('acquired');
    expect(lockHolder(path)?.pid).toBe(process.pid);
  });

  it('is not released by one who has lost it', () => {
    const first = tryPidLock(path);
    rmSync(path);
    expect(tryPidLock(path).kind).toBe('acquired');
    if (first.kind === 'acquired') first.release();
    expect(lockHolder(path)?.pid).toBe(process.pid);
  });

  it('leaves no other file behind', () => {
    tryPidLock(path);
    tryPidLock(path);
    expect(readdirSync(folder)).toEqual(['lock']);
  });
});
