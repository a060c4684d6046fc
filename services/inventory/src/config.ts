import { readServiceConfig } from '@sagamesh/kit/service-config';
import { ConfigError, integerVariable, switchVariable, urlVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';

/** The environment of the inventory service; the kit adds what every service reads. */

const inventoryVariables = {
  /** Keys that tokens are checked with: a file or a URL. Neither: restocking asks for no token. */
  JWKS_FILE: z.string().optional(),
  JWKS_URL: urlVariable('http', 'https').optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  /** Off: an empty catalogue stays empty. */
  SEED: switchVariable(true),
  /** How old a single SKU's answer may be; 0 switches the read cache off. */
  STOCK_CACHE_MILLIS: integerVariable(0, 60_000).default(2_000),
};

export function readInventoryConfig(env: NodeJS.ProcessEnv = process.env) {
  return readServiceConfig(inventoryVariables, { env });
}
export type InventoryConfig = ReturnType<typeof readInventoryConfig>;

export interface TokenCheck {
  readonly jwks: { readonly file: string } | { readonly url: string };
  readonly issuer: string;
  readonly audience: string;
}

type TokenVariables = Readonly<
  Partial<Record<'JWKS_FILE' | 'JWKS_URL' | 'JWT_ISSUER' | 'JWT_AUDIENCE', string | undefined>>
>;

/** All or nothing: half a configuration must not leave restocking open to everybody. Throws ConfigError. */
export function tokenCheckOf(config: TokenVariables): TokenCheck | undefined {
  const { JWKS_FILE: file, JWKS_URL: url, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = config;
  if ([file, url, issuer, audience].every((value) => value === undefined)) return undefined;
  const jwks =
    file !== undefined && url === undefined
      ? { file }
      : url !== undefined && file === undefined
        ? { url }
        : undefined;
  if (jwks === undefined || issuer === undefined || audience === undefined) {
    throw new ConfigError([
      'JWKS_FILE, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE: set none, or issuer, audience and exactly one JWKS',
    ]);
  }
  return { jwks, issuer, audience };
}
