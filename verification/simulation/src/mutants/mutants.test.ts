import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { applyPatch } from '../cli/build-worker.ts';
import { emptyTally } from '../run/tally.ts';
import { allMutants } from './all-mutants.ts';
import { harmlessBugs } from './harmless-bugs.ts';
import { lineOf, resultOf, scoreOf } from './score-mutants.ts';

const repository = new URL('../../../../', import.meta.url);
const bugs = [...allMutants, ...harmlessBugs];

/** What must be caught, whatever else is: each the known way of a saga to go wrong that its name says. */
const mustHave = [
  'answer-before-commit',
  'no-tombstone',
  'tombstone-rolled-back',
  'fence-by-order-name',
  'rejection-not-sticky',
  'skip-cas',
  'revoked-is-leave',
  'wrong-reverse-order',
  'undo-past-pivot',
  'dedupe-as-only-guard',
  'no-resend',
  'finalizer-dropped-early',
  'pivot-not-revoked',
  'provider-before-intent',
  'restart-forgets-sends',
  'reply-of-another-incarnation',
  'status-without-version',
  'constant-message-id',
  'intake-without-claim',
];

describe('seeded bugs', () => {
  it.each(bugs)('$id fits the product as it is', ({ patches }) => {
    const sources = new Map<string, string>();
    for (const patch of patches) {
      const { file, find, replace } = patch;
      const before = sources.get(file) ?? readFileSync(fileURLToPath(new URL(file, repository)), 'utf8');
      expect(replace).not.toBe(find);
      sources.set(file, applyPatch(before, patch));
    }
    expect(sources.size).toBeGreaterThan(0);
  });

  it('are named once each, and say in a sentence what is wrong', () => {
    const ids = bugs.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, title, budgetSeeds } of bugs) {
      expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(title).toMatch(/^[A-Z].*\.$/);
      expect(budgetSeeds).toBeGreaterThan(0);
    }
  });

  it('hold what must be caught', () => {
    const ids = allMutants.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(mustHave));
    expect(ids.length).toBeGreaterThanOrEqual(25);
  });

  it('that do no harm are stood in for by ones that do', () => {
    const ids = allMutants.map(({ id }) => id);
    const substitutes = harmlessBugs.map(({ replacedBy }) => replacedBy);
    expect(ids).toEqual(expect.arrayContaining(substitutes));
  });
});

describe('the score', () => {
  const mutant = { id: 'm', title: 'Wrong.', patches: [], budgetSeeds: 20, origin: 'law' } as const;
  const caughtAt = (...seeds: readonly number[]) =>
    resultOf(mutant, 100, {
      ...emptyTally(),
      runs: 9,
      failing: seeds.map((seed) => ({ seed, violations: ['I10: late', 'I3: money', 'I3: more money'] })),
    });

  it('counts the seeds to the first failing one, and names its invariants once each', () => {
    expect(caughtAt(107, 104)).toEqual({
      id: 'm',
      title: 'Wrong.',
      caught: true,
      invariants: ['I3', 'I10'],
      seeds: 5,
      budget: 20,
    });
  });

  it('says what was not caught, and after how many seeds', () => {
    expect(caughtAt()).toMatchObject({ caught: false, seeds: 9, invariants: [] });
    expect(lineOf(caughtAt())).toMatch(/^m +NOT CAUGHT +9 of 20 seeds$/);
  });

  it('has the median over what was caught', () => {
    const score = scoreOf([caughtAt(100), caughtAt(109), caughtAt(102), caughtAt()]);
    expect(score).toMatchObject({ killed: 3, total: 4, medianSeeds: 3 });
    expect(scoreOf([caughtAt(100), caughtAt(109)]).medianSeeds).toBe(5.5);
    expect(scoreOf([caughtAt()]).medianSeeds).toBeNull();
  });
});
