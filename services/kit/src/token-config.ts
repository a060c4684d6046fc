import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { urlVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';
import type { AuthOptions } from './auth.ts';

/** The environment of every service that verifies tokens: where the public keys are, and what a token must say of itself. */

export const tokenVariables = {
  JWKS_FILE: z.string().optional(),
  JWKS_URL: urlVariable('http', 'https').optional(),
  JWT_ISSUER: z.string().default(tokenIssuer),
  JWT_AUDIENCE: z.string().default(tokenAudience),
};

export type TokenConfig = Readonly<z.infer<z.ZodObject<typeof tokenVariables>>>;
type KeySource = Readonly<{ JWKS_FILE?: string | undefined; JWKS_URL?: string | undefined }>;

const oneSource = 'set exactly one of JWKS_FILE and JWKS_URL';

/** Two sources could disagree, and none would refuse everybody: both are told at the start, together with all other problems. */
export function withOneKeySource<
  S extends z.ZodRawShape & Pick<typeof tokenVariables, 'JWKS_FILE' | 'JWKS_URL'>,
>(schema: z.ZodObject<S>): z.ZodObject<S> {
  return schema.refine((variables) => jwksOf(variables) !== undefined, {
    path: ['JWKS_FILE'],
    message: oneSource,
    when: () => true,
  });
}

function jwksOf({ JWKS_FILE: file, JWKS_URL: url }: KeySource): AuthOptions['jwks'] | undefined {
  if (file !== undefined && url === undefined) return { file };
  if (url !== undefined && file === undefined) return { url };
  return undefined;
}

/** For `authenticate`. */
export function authOptionsOf(config: TokenConfig): AuthOptions {
  const jwks = jwksOf(config);
  if (jwks === undefined) throw new Error(oneSource);
  return { jwks, issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE };
}
