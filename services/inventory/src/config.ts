import type { AuthOptions } from '@sagamesh/kit/auth';
import { readServiceConfig } from '@sagamesh/kit/service-config';
import { integerVariable, switchVariable, urlVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';

/** The environment of the inventory service; the kit adds what every service reads. */

const inventoryVariables = {
  JWKS_FILE: z.string().optional(),
  JWKS_URL: urlVariable('http', 'https').optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  /** Off: an empty catalogue stays empty. */
  SEED: switchVariable(true),
  /** How old a single SKU's answer may be. */
  STOCK_CACHE_MILLIS: integerVariable(100, 60_000).default(2_000),
};

type TokenVariables = Readonly<
  Partial<Record<'JWKS_FILE' | 'JWKS_URL' | 'JWT_ISSUER' | 'JWT_AUDIENCE', string | undefined>>
>;

export type TokenCheck =
  | { readonly kind: 'none' }
  | { readonly kind: 'tokens'; readonly options: AuthOptions }
  | { readonly kind: 'incomplete' };

/** All or nothing: half a configuration must not leave restocking open to everybody. */
export function tokenCheckOf(variables: TokenVariables): TokenCheck {
  const { JWKS_FILE: file, JWKS_URL: url, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = variables;
  if ([file, url, issuer, audience].every((value) => value === undefined)) return { kind: 'none' };
  if (issuer === undefined || audience === undefined) return { kind: 'incomplete' };
  if (file !== undefined && url === undefined) {
    return { kind: 'tokens', options: { jwks: { file }, issuer, audience } };
  }
  if (url !== undefined && file === undefined) {
    return { kind: 'tokens', options: { jwks: { url }, issuer, audience } };
  }
  return { kind: 'incomplete' };
}

/** Ends the process with exit code 2 when the environment is wrong, and says what is. `auth` is undefined without token variables. */
export function readInventoryConfig() {
  const config = readServiceConfig(inventoryVariables);
  const check = tokenCheckOf(config);
  if (check.kind === 'incomplete') {
    process.stderr.write(
      'The configuration is wrong: of JWKS_FILE, JWKS_URL, JWT_ISSUER and JWT_AUDIENCE set none, or issuer, audience and exactly one JWKS\n',
    );
    process.exit(2);
  }
  return { ...config, auth: check.kind === 'tokens' ? check.options : undefined };
}
