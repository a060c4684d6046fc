import { describe, expect, it } from 'vitest';
import { allInvariants } from '../all-invariants.ts';
import type { InvariantId } from '../all-invariants.ts';
import type { Facts } from '../facts.ts';
import { verdictOf } from '../finding.ts';
import { Stage } from './stage.ts';
import type { SagaStage } from './saga-stage.ts';

/** One invariant: what it must find, clause by clause, what it must not call a violation, and what tells it nothing. */
export interface InvariantCases {
  readonly passes: Facts;
  /** By clause; the text is what the one sentence must say. */
  readonly violations: Readonly<Record<string, readonly [facts: Facts, says: RegExp]>>;
  /** Legal, and close to a violation. */
  readonly nearMisses: Readonly<Record<string, Facts>>;
  readonly tellsNothing: Facts;
}

export function describeInvariant(id: InvariantId, cases: InvariantCases): void {
  const invariant = allInvariants.find((entry) => entry.id === id);
  if (!invariant) throw new RangeError(`no invariant ${id}`);
  const { check, title } = invariant;
  describe(`${id}: ${title}`, () => {
    it('passes', () => {
      expect(check(cases.passes).violations).toEqual([]);
      expect(verdictOf(check(cases.passes))).toBe('Pass');
    });

    it.each(Object.entries(cases.violations))('finds: %s', (_name, [facts, says]) => {
      const finding = check(facts);
      expect(finding).toMatchObject({ invariant: id, violations: [expect.stringMatching(says)] });
      expect(finding.evaluated).toBeGreaterThan(0);
    });

    it.each(Object.entries(cases.nearMisses))('does not blame: %s', (_name, facts) => {
      expect(check(facts).violations).toEqual([]);
      expect(verdictOf(check(facts))).toBe('Pass');
    });

    it('is inconclusive when there is nothing to look at', () => {
      expect(verdictOf(check(cases.tellsNothing))).toBe('Inconclusive');
      expect(verdictOf(check({ atQuiesce: true }))).toBe('Inconclusive');
    });
  });
}

/** The facts that a story leaves behind, with one saga on the stage. */
export function told(story: (saga: SagaStage, stage: Stage) => unknown, change: Partial<Facts> = {}): Facts {
  const stage = new Stage();
  story(stage.saga('a'), stage);
  return stage.facts(change);
}

export function completed(change: Partial<Facts> = {}): Facts {
  return told((saga) => saga.complete(), change);
}

export function compensated(change: Partial<Facts> = {}): Facts {
  return told((saga) => saga.compensate(), change);
}
