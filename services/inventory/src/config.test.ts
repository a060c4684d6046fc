import { describe, expect, it } from 'vitest';
import { tokenCheckOf } from './config.ts';

const rest = { JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'audience' };

describe('the check of tokens', () => {
  it('is off when nothing is said about tokens', () => {
    expect(tokenCheckOf({})).toEqual({ kind: 'none' });
  });

  it('takes keys from a file or from a URL', () => {
    expect(tokenCheckOf({ ...rest, JWKS_FILE: '/keys.json' })).toMatchObject({
      kind: 'tokens',
      options: { jwks: { file: '/keys.json' } },
    });
    expect(tokenCheckOf({ ...rest, JWKS_URL: 'http://user/jwks' })).toMatchObject({
      kind: 'tokens',
      options: { jwks: { url: 'http://user/jwks' } },
    });
  });

  it.each([
    [{ JWKS_FILE: '/keys.json' }],
    [{ JWKS_FILE: '/keys.json', JWT_ISSUER: 'issuer' }],
    [rest],
    [{ ...rest, JWKS_FILE: '/keys.json', JWKS_URL: 'http://user/jwks' }],
  ])('is never left off by half a configuration: %j', (variables) => {
    expect(tokenCheckOf(variables)).toEqual({ kind: 'incomplete' });
  });
});
