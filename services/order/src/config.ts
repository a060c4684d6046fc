import { readServiceConfig } from '@sagamesh/kit/service-config';
import { integerVariable, switchVariable, urlVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';

/** The environment of the order service; the kit adds what every service reads. */

const orderVariables = {
  JWKS_FILE: z.string().optional(),
  JWKS_URL: urlVariable('http', 'https').optional(),
  JWT_ISSUER: z.string('expected the `iss` that tokens must have').min(1),
  JWT_AUDIENCE: z.string('expected the `aud` that tokens must have').min(1),
  /** Off: an empty price list stays empty. */
  SEED: switchVariable(true),
  /** An order that no saga has claimed is announced again after this time, then after twice that, up to the maximum. */
  ANNOUNCE_AFTER_MILLIS: integerVariable(100, 3_600_000).default(30_000),
  ANNOUNCE_MAX_MILLIS: integerVariable(100, 86_400_000).default(600_000),
};

type Jwks = { readonly file: string } | { readonly url: string };

/** The keys that tokens are checked with; undefined unless exactly one source is given. */
export function jwksOf(
  variables: Readonly<{ JWKS_FILE?: string | undefined; JWKS_URL?: string | undefined }>,
): Jwks | undefined {
  const { JWKS_FILE: file, JWKS_URL: url } = variables;
  if (file !== undefined && url === undefined) return { file };
  if (url !== undefined && file === undefined) return { url };
  return undefined;
}

/** Ends the process with exit code 2 when the environment is wrong, and says what is. */
export function readOrderConfig() {
  const config = readServiceConfig(orderVariables);
  const jwks = jwksOf(config);
  if (jwks === undefined) {
    process.stderr.write('The configuration is wrong: set exactly one of JWKS_FILE and JWKS_URL\n');
    process.exit(2);
  }
  return { ...config, jwks };
}
