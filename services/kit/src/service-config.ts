import { z } from 'zod';
import {
  cacheVariables,
  httpVariables,
  natsVariables,
  processVariables,
  readConfigOrExit,
} from '@sagamesh/runtime/config';
import { engineOf } from './open-database.ts';

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

/** The common variables and the service's own. All problems are printed to standard error and end the process with exit code 2. */
export function readServiceConfig<S extends z.ZodRawShape>(
  extra: S,
  options: ServiceConfigOptions = {},
): ServiceConfig & Readonly<z.infer<z.ZodObject<S>>> {
  const env = options.env ?? process.env;
  const database = options.database ?? true;
  const common = database
    ? z.object({ ...commonVariables, DATABASE_URL: databaseUrl })
    : z.object(commonVariables);
  // One schema for both, so that one start lists all problems.
  const all: Readonly<Record<string, unknown>> = readConfigOrExit(common.extend(extra), env);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- zod has checked it; the sum of two shapes is beyond the inference
  return all as ServiceConfig & Readonly<z.infer<z.ZodObject<S>>>;
}
