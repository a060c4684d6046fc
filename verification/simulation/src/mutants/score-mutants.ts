import type { Tally } from '../run/tally.ts';
import type { Mutant } from './mutant.ts';

/** What the runs of a mutant say: caught or not, by which invariants, after how many seeds. Pure. */

export interface MutantResult {
  readonly id: string;
  readonly title: string;
  readonly caught: boolean;
  /** Of the first failing seed, in order; empty when it was not caught. */
  readonly invariants: readonly string[];
  /** Up to and with the first failing one. */
  readonly seeds: number;
  readonly budget: number;
}

export interface MutationScore {
  readonly mutants: readonly MutantResult[];
  readonly killed: number;
  readonly total: number;
  /** Over the mutants that were caught; null: none was. */
  readonly medianSeeds: number | null;
}

/** All seeds below the first failing one have been run. */
export function resultOf(
  { id, title, budgetSeeds: budget }: Mutant,
  firstSeed: number,
  { failing, runs }: Pick<Tally, 'failing' | 'runs'>,
): MutantResult {
  const [first] = failing.toSorted((a, b) => a.seed - b.seed);
  if (first === undefined) return { id, title, caught: false, invariants: [], seeds: runs, budget };
  const invariants = [...new Set(first.violations.map((violation) => violation.split(':')[0] ?? ''))];
  const seeds = first.seed - firstSeed + 1;
  return { id, title, caught: true, invariants: invariants.toSorted(byNumber), seeds, budget };
}

function byNumber(a: string, b: string): number {
  return Number(a.slice(1)) - Number(b.slice(1));
}

export function scoreOf(mutants: readonly MutantResult[]): MutationScore {
  const caught = mutants.filter((result) => result.caught);
  const seeds = caught.map((result) => result.seeds).toSorted((a, b) => a - b);
  const middle = seeds.length / 2;
  const medianSeeds =
    seeds.length === 0 ? null : ((seeds[Math.ceil(middle) - 1] ?? 0) + (seeds[Math.floor(middle)] ?? 0)) / 2;
  return { mutants, killed: caught.length, total: mutants.length, medianSeeds };
}

/** `whenMissed`: what it means that no invariant broke. */
export function lineOf(
  { id, caught, invariants, seeds, budget }: MutantResult,
  whenMissed: 'NOT CAUGHT' | 'harmless' = 'NOT CAUGHT',
): string {
  const verdict = caught ? 'caught' : whenMissed;
  return `${id.padEnd(36)} ${verdict.padEnd(11)} ${`${seeds} of ${budget}`.padStart(10)} seeds  ${invariants.join(' ')}`.trimEnd();
}
