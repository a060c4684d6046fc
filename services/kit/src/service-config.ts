import { z } from 'zod';
import {
  cacheVariables,
  httpVariables,
  natsVariables,
  processVariables,
  readConfigOrExit,
} from '@sagamesh/runtime/config';
import { engineOf } from './open-database.ts';
import { tokenVariables, withOneKeySource, type TokenConfig } from './token-config.ts';

/** The environment of a service, read once. */

const databaseUrl = z
  .string('expected postgres://..., pglite:<directory> or pglite:memory')
  .refine(
    (url) => engineOf(url) !== undefined,
    'expected postgres://..., pglite:<directory> or pglite:memory',
  );

const commonVariables = {
  ...processVariables,
  ...httpVariables(3_000),
  ...natsVariables,
  ...cacheVariables,
};

const serviceSchema = z.object({ ...commonVariables, DATABASE_URL: databaseUrl.optional() });

/** Keys are the variables' names. */
export type ServiceConfig = Readonly<z.infer<typeof serviceSchema>>;

export interface ServiceConfigOptions {
  /** Default true: `DATABASE_URL` is required. */
  readonly database?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

export interface TokenConfigOptions extends ServiceConfigOptions {
  /** The service has routes that need a token: it must be told where the keys are, and nobody can forget it. */
  readonly tokens: true;
}

/** The common variables and the service's own. All problems are printed to standard error and end the process with exit code 2. */
export function readServiceConfig<S extends z.ZodRawShape>(
  extra: S,
  options: TokenConfigOptions,
): ServiceConfig & TokenConfig & Readonly<z.infer<z.ZodObject<S>>>;
export function readServiceConfig<S extends z.ZodRawShape>(
  extra: S,
  options?: ServiceConfigOptions,
): ServiceConfig & Readonly<z.infer<z.ZodObject<S>>>;
export function readServiceConfig(
  extra: z.ZodRawShape,
  options: ServiceConfigOptions & { readonly tokens?: true } = {},
): object {
  const env = options.env ?? process.env;
  const common = z.object({
    ...commonVariables,
    ...((options.database ?? true) ? { DATABASE_URL: databaseUrl } : {}),
  });
  // One schema for all of them, so that one start lists all problems.
  if (options.tokens !== true) return readConfigOrExit(common.extend(extra), env);
  return readConfigOrExit(withOneKeySource(common.extend({ ...tokenVariables, ...extra })), env);
}
