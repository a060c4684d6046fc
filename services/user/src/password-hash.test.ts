import { describe, expect, it } from 'vitest';
import { decoyHash, defaultCost, hashPassword, matchesHash, parseHash } from './password-hash.ts';

const cheap = { ln: 4, r: 8, p: 1 };

describe('the hash of a password', () => {
  it('is matched by that password and by no other', async () => {
    const hash = parseHash(await hashPassword('correct horse', cheap));
    expect(await matchesHash('correct horse', hash)).toBe(true);
    expect(await matchesHash('correct horsf', hash)).toBe(false);
    expect(await matchesHash('', hash)).toBe(false);
  });

  it('differs each time, because its salt does', async () => {
    expect(await hashPassword('correct horse', cheap)).not.toBe(await hashPassword('correct horse', cheap));
  });

  it('brings its own parameters, so older ones still match after they were raised', async () => {
    const older = await hashPassword('correct horse', { ln: 5, r: 4, p: 2 });
    expect(older).toMatch(/^\$scrypt\$ln=5,r=4,p=2\$/);
    expect(await matchesHash('correct horse', parseHash(older))).toBe(true);
  });

  it.each(['', 'correct horse', '$scrypt$ln=4,r=8,p=1$c2FsdA==$a2V5', '$argon2id$v=19$m=1$x$y'])(
    'is not %j',
    (stored) => {
      expect(() => parseHash(stored)).toThrow(/Invalid string/);
    },
  );
});

it('the hash of nobody costs the same, and nothing matches it', async () => {
  const decoy = decoyHash(cheap);
  expect(decoy).toMatchObject(cheap);
  expect(await matchesHash('', decoy)).toBe(false);
});

it('the cost fits what Node is allowed to use, and is what OWASP asks for', async () => {
  expect(await hashPassword('x', defaultCost)).toContain('$ln=15,r=8,p=3$');
});
