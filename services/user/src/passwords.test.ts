import { expect, it } from 'vitest';
import { parseHash, type PasswordHash } from './password-hash.ts';
import { createPasswords } from './passwords.ts';

const cost = { ln: 4, r: 8, p: 1 };

it('knows a password again', async () => {
  const passwords = createPasswords({ cost });
  const stored = await passwords.hash('correct horse');
  expect(await passwords.matches('correct horse', stored)).toBe(true);
  expect(await passwords.matches('wrong horse', stored)).toBe(false);
});

it('does the same work for an account that does not exist, and says no', async () => {
  const compared: PasswordHash[] = [];
  const passwords = createPasswords({
    cost,
    compare: async (_password, hash) => {
      compared.push(hash);
      return false;
    },
  });
  const stored = await passwords.hash('correct horse');
  await passwords.matches('correct horse', stored);
  expect(await passwords.matches('correct horse', undefined)).toBe(false);
  const [existing, absent] = compared;
  expect(existing).toEqual(parseHash(stored));
  expect(absent).toMatchObject(cost);
  expect([absent?.salt.length, absent?.key.length]).toEqual([existing?.salt.length, existing?.key.length]);
});

it('computes and compares within the limit', async () => {
  let begun = 0;
  const limit = {
    run: <T>(work: () => Promise<T>) => {
      begun += 1;
      return work();
    },
  };
  const passwords = createPasswords({ cost, limit });
  const stored = await passwords.hash('correct horse');
  await passwords.matches('correct horse', stored);
  await passwords.matches('correct horse', undefined);
  expect(begun).toBe(3);
});
