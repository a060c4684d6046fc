import { replyOutcomeSchema } from '@sagamesh/contracts/messages';
import { outcomeSchema } from '@sagamesh/contracts/order-saga';
import { allInvariants } from '@sagamesh/invariants/all-invariants';
import { faultKinds } from '../kernel/fault.ts';
import type { Tally } from '../run/tally.ts';
import { crashBoundaries } from '../schedule/make-plan.ts';

/** What must have happened at least once in a set of runs ("sometimes" assertions, Antithesis): else nothing was proved about it. */

/** Situations in which sagas go wrong, by the names that saga literature gives them; counted in world/anomalies.ts. */
export const anomalies = [
  'empty rollback',
  'hanging: execute after its compensation',
  'duplicate execute answered from the row',
  'duplicate compensation answered from the row',
  'rejection repeated from the row',
  'unknown outcome compensated',
  'pivot passed although an abort was asked',
  'two operators sent commands of one saga',
  'same name, another saga',
  'order id used twice',
  'order claimed from the intake',
  'reply to a saga that is over',
  'stuck: CompensationStuck',
  'stuck: RevokeStuck',
  'stuck: StepStuck',
  'waits: ServiceUnknown',
] as const;
export type Anomaly = (typeof anomalies)[number];

export interface CoverageGroup {
  readonly title: string;
  readonly hit: number;
  readonly of: number;
  readonly missing: readonly string[];
}

export function coverageOf(tally: Tally): readonly CoverageGroup[] {
  const { bitten, counts, invariants } = tally;
  return [
    group('fault kinds', faultKinds, (kind) => bitten[kind]),
    group('crash boundaries', crashBoundaries, (name) => counts[name]),
    group('reply kinds', replyOutcomeSchema.options, (outcome) => counts[`reply ${outcome}`]),
    group('saga outcomes', outcomeSchema.options, (outcome) => counts[`outcome ${outcome}`]),
    group('anomalies', anomalies, (name) => counts[name]),
    group(
      'invariants evaluated',
      allInvariants.map(({ id }) => id),
      (id) => invariants[id]?.evaluated,
    ),
  ];
}

export function missingCoverage(tally: Tally): readonly string[] {
  return coverageOf(tally).flatMap(({ title, missing }) => missing.map((name) => `${title}: ${name}`));
}

function group(
  title: string,
  names: readonly string[],
  count: (name: string) => number | undefined,
): CoverageGroup {
  const missing = names.filter((name) => (count(name) ?? 0) === 0);
  return { title, hit: names.length - missing.length, of: names.length, missing };
}
