import { z } from 'zod';

/** The environment of `make robustness`. */

/** The results that the page is made of. `soak` is never run here: its file is taken when it is there. */
export const partNames = ['fixed', 'fresh', 'soak', 'exhaustive', 'mutants', 'contracts'] as const;
export type PartName = (typeof partNames)[number];
const runByDefault = 'fixed,fresh,exhaustive,mutants,contracts';

const settingsSchema = z.object({
  /** First seed and number of seeds of the fixed range; the fresh one has as many. */
  SEED: z.coerce.number().int().min(0).default(1),
  COUNT: z.coerce.number().int().min(1).default(1_000),
  /** Parts to run, or `none`; of the others the results of an earlier run are taken. */
  PARTS: z.string().default(runByDefault),
  /** Where the results are kept, one `<part>.json` each. What `OUT=<file>` of the part's own target writes may be put there, too. */
  FROM: z.string().default('dist/robustness'),
});

export interface RobustnessSettings {
  readonly seed: number;
  readonly count: number;
  readonly parts: readonly PartName[];
  readonly folder: string;
}

export type RobustnessSettingsResult =
  | { readonly kind: 'valid'; readonly settings: RobustnessSettings }
  | { readonly kind: 'invalid'; readonly problem: string };

/** An empty variable counts as not given, as `make` passes it. */
export function readRobustnessSettings(
  env: Readonly<Record<string, string | undefined>>,
): RobustnessSettingsResult {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) return { kind: 'invalid', problem: z.prettifyError(parsed.error) };
  const { SEED: seed, COUNT: count, PARTS, FROM: folder } = parsed.data;
  const words = PARTS === 'none' ? [] : PARTS.split(',');
  const unknown = words.filter((word) => word === 'soak' || !partNames.some((part) => part === word));
  if (unknown.length > 0) {
    return {
      kind: 'invalid',
      problem: `PARTS: ${unknown.join(', ')}: it is none, or some of ${runByDefault}`,
    };
  }
  return {
    kind: 'valid',
    settings: { seed, count, parts: partNames.filter((part) => words.includes(part)), folder },
  };
}
