import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keepPasswords, keptPassword } from './nats-users.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sagamesh-users-'));
  mkdirSync(join(folder, 'nats'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('makes a password for each user once, and keeps it when others come and go', () => {
  const first = keepPasswords(folder, ['order', 'payment']);
  expect(first['order']).not.toBe(first['payment']);
  const second = keepPasswords(folder, ['order', 'shipping']);
  expect(second['order']).toBe(first['order']);
  expect(keepPasswords(folder, ['payment'])).toEqual({ payment: first['payment'] });
  expect(keptPassword(folder, 'shipping')).toBe(second['shipping']);
});

it('begins passwords with a letter and has letters and digits only, as a configuration file can read them', () => {
  for (const password of Object.values(keepPasswords(folder, ['a', 'b', 'c']))) {
    expect(password).toMatch(/^[a-z][a-z0-9]{30,}$/);
  }
});

it('shows them to the owner of the folder alone', () => {
  expect(statSync(join(folder, 'nats', 'passwords.json')).mode & 0o777).toBe(0o600);
});

it('knows no password where no server ever ran', () => {
  expect(keptPassword(join(folder, 'elsewhere'), 'admin')).toBeUndefined();
});
