import { describe, expect, it } from 'vitest';
import {
  addNextKey,
  dropExpired,
  firstSigningKeys,
  promoteNextKey,
  publicJwks,
  retirementMarginSeconds,
  signingKeyOf,
  signingKeysSchema,
  type NewKey,
  type SigningKeys,
} from './signing-keys.ts';

const startMillis = Date.parse('2026-01-01T00:00:00.000Z');
const ttlSeconds = 3_600;

function key(kid: string): NewKey {
  const half = (letter: string) => letter.repeat(43);
  return {
    kid,
    createdAt: '2026-01-01T00:00:00.000Z',
    privateJwk: { kty: 'OKP', crv: 'Ed25519', x: half('x'), d: half('d') },
  };
}

const states = (set: SigningKeys) => set.keys.map(({ kid, state }) => `${kid} ${state}`);
const rotated = promoteNextKey(addNextKey(firstSigningKeys(key('a')), key('b')), startMillis);

describe('a rotation of the signing keys', () => {
  it('publishes the next key before anything is signed with it', () => {
    const set = addNextKey(firstSigningKeys(key('a')), key('b'));
    expect(signingKeyOf(set).kid).toBe('a');
    expect(publicJwks(set).keys.map(({ kid }) => kid)).toEqual(['a', 'b']);
  });

  it('signs with the next key once that is promoted, and keeps the old one for its tokens', () => {
    expect(states(rotated)).toEqual(['a retired', 'b signing']);
    expect(signingKeyOf(rotated).kid).toBe('b');
    expect(publicJwks(rotated).keys.map(({ kid }) => kid)).toEqual(['a', 'b']);
  });

  it('goes on with the next key that it has when it is begun again', () => {
    const begun = addNextKey(firstSigningKeys(key('a')), key('b'));
    expect(addNextKey(begun, key('c'))).toBe(begun);
  });

  it('refuses to promote what is not there, and a kid that is taken', () => {
    expect(() => promoteNextKey(firstSigningKeys(key('a')), startMillis)).toThrow('no key in the state next');
    expect(() => addNextKey(firstSigningKeys(key('a')), key('a'))).toThrow('has a key a already');
  });

  it('drops a retired key when its last token and the margin are over, and not before', () => {
    const overMillis = startMillis + (ttlSeconds + retirementMarginSeconds) * 1_000;
    expect(states(dropExpired(rotated, overMillis - 1, ttlSeconds))).toEqual(['a retired', 'b signing']);
    expect(states(dropExpired(rotated, overMillis, ttlSeconds))).toEqual(['b signing']);
  });

  it('never drops the key that signs or the next one, however old they are', () => {
    const set = addNextKey(firstSigningKeys(key('a')), key('b'));
    expect(dropExpired(set, startMillis * 2, ttlSeconds)).toEqual(set);
  });

  it('leaves a set that the schema accepts after each step', () => {
    const steps = [
      firstSigningKeys(key('a')),
      addNextKey(firstSigningKeys(key('a')), key('b')),
      rotated,
      addNextKey(rotated, key('c')),
      promoteNextKey(addNextKey(rotated, key('c')), startMillis + 1),
    ];
    for (const set of steps) expect(signingKeysSchema.parse(JSON.parse(JSON.stringify(set)))).toEqual(set);
  });
});

describe('what is published', () => {
  it('has no secret half of any key', () => {
    expect(publicJwks(rotated).keys).toEqual(
      ['a', 'b'].map((kid) => ({
        kty: 'OKP',
        crv: 'Ed25519',
        x: 'x'.repeat(43),
        kid,
        alg: 'EdDSA',
        use: 'sig',
      })),
    );
  });
});

describe('a file of keys', () => {
  const signing = { ...key('a'), state: 'signing' };
  it.each([
    [{ keys: [] }, 'exactly one key must be in the state signing'],
    [{ keys: [signing, { ...signing, kid: 'b' }] }, 'exactly one key must be in the state signing'],
    [{ keys: [signing, { ...key('a'), state: 'next' }] }, 'two keys share a kid'],
    [
      { keys: [signing, { ...key('b'), state: 'next' }, { ...key('c'), state: 'next' }] },
      'at most one key may be in the state next',
    ],
    [{ keys: [signing, { ...key('b'), state: 'retired' }] }, 'retiredAt'],
    [{ keys: [{ ...signing, privateJwk: { ...key('a').privateJwk, crv: 'Ed448' } }] }, 'crv'],
  ])('%# is refused, and the reason is told', (file, reason) => {
    const result = signingKeysSchema.safeParse(file);
    expect(JSON.stringify(result.error?.issues)).toContain(reason);
  });
});
