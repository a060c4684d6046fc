import { describe, expect, it } from 'vitest';
import { jwksOf } from './config.ts';

describe('the keys of tokens', () => {
  it('come from a file or from a URL', () => {
    expect(jwksOf({ JWKS_FILE: '/keys.json' })).toEqual({ file: '/keys.json' });
    expect(jwksOf({ JWKS_URL: 'http://user/jwks' })).toEqual({ url: 'http://user/jwks' });
  });

  it('come from exactly one of them', () => {
    expect(jwksOf({})).toBeUndefined();
    expect(jwksOf({ JWKS_FILE: '/keys.json', JWKS_URL: 'http://user/jwks' })).toBeUndefined();
  });
});
