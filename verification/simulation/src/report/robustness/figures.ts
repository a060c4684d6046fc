import { z } from 'zod';
import type { HarmlessBug } from '../../mutants/mutant.ts';

/** What docs/robustness.md is made of: the shapes of the result files that the parts of the proof write, and of all of them together. */

const count = z.number();
const counts = z.record(z.string(), count);
const invariants = z.record(z.string(), z.object({ evaluated: count, violations: count }));
const verdict = z.enum(['Pass', 'Fail', 'Inconclusive']);
export type VerdictKind = z.infer<typeof verdict>;

/** `make sim OUT=<file>` */
export const simFiguresSchema = z.object({
  seed: z.number(),
  sqlRuns: count,
  realMillis: z.number(),
  tally: z.object({
    runs: count,
    sagas: count,
    virtualMillis: z.number(),
    eventsRun: count,
    bitten: counts,
    counts,
    invariants,
    failing: z.array(z.object({ seed: z.number(), violations: z.array(z.string()) })),
  }),
  coverage: z.array(z.object({ title: z.string(), hit: count, of: count, missing: z.array(z.string()) })),
  verdict,
});
export type SimFigures = z.infer<typeof simFiguresSchema>;

const scopeSchema = z.object({
  name: z.string(),
  states: count,
  transitions: count,
  ends: count,
  waitingForPerson: count,
  withoutEnd: count,
  seconds: z.number(),
  problem: z.object({ what: z.string() }).nullable(),
});
export type ScopeFigures = z.infer<typeof scopeSchema>;

/** `make sim-exhaustive OUT=<file>` */
export const exhaustiveFiguresSchema = z.object({
  boundaries: z.object({ found: count, died: count }),
  runs: count,
  /** Of them with two deaths. */
  pairs: count,
  violations: count,
  invariants,
  holes: z.array(z.string()),
  scenarios: z.array(
    z.object({
      scenario: z.string(),
      boundaries: count,
      runs: count,
      pairs: count,
      outcomes: counts,
      failing: z.array(z.unknown()),
    }),
  ),
  /** Absent: the small scopes were not searched. */
  scopes: z.array(scopeSchema).optional(),
});
export type ExhaustiveFigures = z.infer<typeof exhaustiveFiguresSchema>;

/** `make sim-mutants OUT=<file>` */
export const mutantFiguresSchema = z.object({
  mutants: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      caught: z.boolean(),
      invariants: z.array(z.string()),
      seeds: count,
      budget: count,
    }),
  ),
  killed: count,
  total: count,
  medianSeeds: z.number().nullable(),
});
export type MutantFigures = z.infer<typeof mutantFiguresSchema>;

/** The contract suites, as vitest ran them. */
export const contractFiguresSchema = z.object({
  cases: z.array(
    z.object({
      /** A title of `contractSuites`. */
      suite: z.string(),
      /** What the suite ran on, with its version. */
      implementation: z.string(),
      isFake: z.boolean(),
      passed: count,
      failed: count,
    }),
  ),
  /** By name: what failed, on what, and how it said so. */
  failures: z.array(z.object({ what: z.string(), on: z.string(), why: z.string() })).default([]),
  /** Files that did not come so far as to run a case, and servers that could not be had. */
  notRun: z.array(z.object({ what: z.string(), why: z.string() })),
});
export type ContractFigures = z.infer<typeof contractFiguresSchema>;

export const runInfoSchema = z.object({
  command: z.string(),
  /** Null: the file does not say. */
  commit: z.string().nullable(),
  date: z.string(),
  seconds: z.number().nullable(),
});
export type RunInfo = z.infer<typeof runInfoSchema>;

export type Part<Figures> =
  | { readonly kind: 'done'; readonly info: RunInfo; readonly figures: Figures }
  | { readonly kind: 'notRun'; readonly why: string };

export interface Surroundings {
  /** Of the page; each part says its own. */
  readonly commit: string;
  readonly date: string;
  readonly machine: string;
  /** Program and version; what is missing says so. */
  readonly versions: readonly (readonly [program: string, version: string])[];
}

export interface SimPart {
  /** E.g. `fixed seeds`. */
  readonly name: string;
  readonly part: Part<SimFigures>;
}

export interface RobustnessFigures {
  readonly surroundings: Surroundings;
  readonly sims: readonly SimPart[];
  readonly exhaustive: Part<ExhaustiveFigures>;
  readonly mutants: Part<MutantFigures>;
  /** Ids of all seeded bugs: results without one of them prove less. */
  readonly knownMutants: readonly string[];
  readonly harmlessBugs: readonly HarmlessBug[];
  readonly contracts: Part<ContractFigures>;
}
