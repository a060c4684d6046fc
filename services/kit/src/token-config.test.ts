import { ConfigError, readConfig } from '@sagamesh/runtime/config';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { authOptionsOf, tokenVariables, withOneKeySource } from './token-config.ts';

const schema = withOneKeySource(z.object({ ...tokenVariables, NEEDED: z.string('expected it') }));

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(schema, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

it('takes keys from a file or from a URL, for tokens of our user service unless told otherwise', () => {
  expect(authOptionsOf(readConfig(schema, { NEEDED: 'x', JWKS_FILE: '/keys.json' }))).toEqual({
    jwks: { file: '/keys.json' },
    issuer: tokenIssuer,
    audience: tokenAudience,
  });
  const elsewhere = { JWKS_URL: 'https://id.example/jwks', JWT_ISSUER: 'them', JWT_AUDIENCE: 'us' };
  expect(authOptionsOf(readConfig(schema, { NEEDED: 'x', ...elsewhere }))).toEqual({
    jwks: { url: 'https://id.example/jwks' },
    issuer: 'them',
    audience: 'us',
  });
});

it.each([
  ['no source of keys', {}, 'JWKS_FILE is missing: set exactly one of JWKS_FILE and JWKS_URL'],
  [
    'two sources of keys',
    { JWKS_FILE: '/keys.json', JWKS_URL: 'https://id.example/jwks' },
    'JWKS_FILE: set exactly one of JWKS_FILE and JWKS_URL',
  ],
  [
    'an issuer and an audience without keys',
    { JWT_ISSUER: 'them', JWT_AUDIENCE: 'us' },
    'JWKS_FILE is missing: set exactly one of JWKS_FILE and JWKS_URL',
  ],
])('refuses to start with %s', (_title, env, problem) => {
  expect(problemsOf({ NEEDED: 'x', ...env })).toEqual([problem]);
});

it('tells of missing keys together with every other problem', () => {
  expect(problemsOf({})).toHaveLength(2);
});
