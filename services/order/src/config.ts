import { readServiceConfig } from '@sagamesh/kit/service-config';
import { ConfigError, integerVariable, switchVariable, urlVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';

/** The environment of the order service; the kit adds what every service reads. */

const orderVariables = {
  /** Keys that tokens are checked with: a file or a URL, exactly one of them. */
  JWKS_FILE: z.string().optional(),
  JWKS_URL: urlVariable('http', 'https').optional(),
  JWT_ISSUER: z.string().min(1),
  JWT_AUDIENCE: z.string().min(1),
  /** Off: an empty price list stays empty. */
  SEED: switchVariable(true),
  /** An order that no saga has claimed is announced again after this time, then after twice that, up to the maximum. */
  ANNOUNCE_AFTER_MILLIS: integerVariable(100, 3_600_000).default(30_000),
  ANNOUNCE_MAX_MILLIS: integerVariable(100, 86_400_000).default(600_000),
};

export function readOrderConfig(env: NodeJS.ProcessEnv = process.env) {
  return readServiceConfig(orderVariables, { env });
}
export type OrderConfig = ReturnType<typeof readOrderConfig>;

/** Throws ConfigError unless exactly one source is given. */
export function jwksOf(
  config: Readonly<{ JWKS_FILE?: string | undefined; JWKS_URL?: string | undefined }>,
): { readonly file: string } | { readonly url: string } {
  const { JWKS_FILE: file, JWKS_URL: url } = config;
  if (file !== undefined && url === undefined) return { file };
  if (url !== undefined && file === undefined) return { url };
  throw new ConfigError(['JWKS_FILE, JWKS_URL: set exactly one of them']);
}
