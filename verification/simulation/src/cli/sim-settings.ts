import { z } from 'zod';

/** The environment of `make sim` and `make sim-soak`. */

function whole(min: number, max: number) {
  const must = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number(must).int(must).min(min, must).max(max, must);
}

const settingsSchema = z.object({
  SEED: whole(0, Number.MAX_SAFE_INTEGER - 10_000_000).optional(),
  /** Seeds to run; each is one system with 24 sagas. */
  COUNT: whole(1, 10_000_000).default(400),
  /** Run as long as asked instead of COUNT seeds. */
  MINUTES: z.coerce
    .number('must be a number of minutes')
    .positive('must be more than 0')
    .max(100_000)
    .optional(),
  /** A file with one plan, run instead of seeds. */
  OUT: z.string().optional(),
  PLAN: z.string().optional(),
  /** Every so many seeds run on a real SQL engine (PGlite) instead of the in-memory one; 0: none. */
  SQL_EVERY: whole(0, 1_000_000).default(100),
});

export interface SimSettings {
  readonly seed: number;
  readonly count: number;
  readonly minutes: number | undefined;
  readonly sqlEvery: number;
  readonly planFile: string | undefined;
  /** Where the figures are written as JSON, for docs/robustness.md. */
  readonly outFile: string | undefined;
}

export type SettingsResult =
  | { readonly kind: 'valid'; readonly settings: SimSettings }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** `freshSeed` is used when none is given. An empty variable counts as not given, as `make` passes it. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  freshSeed: number,
): SettingsResult {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.')}=${given[String(path[0])] ?? ''}: ${message}`,
    );
    return { kind: 'invalid', problems };
  }
  const { SEED, COUNT, MINUTES, SQL_EVERY, PLAN, OUT } = parsed.data;
  return {
    kind: 'valid',
    settings: {
      seed: SEED ?? freshSeed,
      count: COUNT,
      minutes: MINUTES,
      sqlEvery: SQL_EVERY,
      planFile: PLAN,
      outFile: OUT,
    },
  };
}
