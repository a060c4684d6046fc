import { describe, expect, it } from 'vitest';
import { faultKinds } from '../kernel/fault.ts';
import { makePlan } from './make-plan.ts';
import { shrink } from './shrink.ts';

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(makePlan(7)).toEqual(makePlan(7));
    expect(makePlan(7)).not.toEqual(makePlan(8));
  });

  it('can hold every kind of fault, and no run holds them all', () => {
    const perRun = Array.from(
      { length: 300 },
      (_, seed) => new Set(makePlan(seed).faults.map(({ kind }) => kind)),
    );
    expect(new Set(perRun.flatMap((kinds) => [...kinds]))).toEqual(new Set(faultKinds));
    expect(Math.max(...perRun.map((kinds) => kinds.size))).toBeLessThan(faultKinds.length / 2);
  });

  it('begins every fault before the healing', () => {
    const { faults, healAtMillis } = makePlan(3);
    expect(Math.max(...faults.map(({ atMillis }) => atMillis))).toBeLessThanOrEqual(healAtMillis);
  });
});

describe('making a failing run smaller', () => {
  it('keeps only what the failure needs', async () => {
    const plan = makePlan(11);
    const guilty = plan.faults[Math.floor(plan.faults.length / 2)]!;
    const { plan: small } = await shrink(
      plan,
      async ({ faults, sagas }) => faults.includes(guilty) && sagas.some(({ id }) => id === 5),
      500,
    );
    expect(small.faults).toEqual([guilty]);
    expect(small.sagas.map(({ id }) => id)).toEqual([5]);
    expect(small.users).toEqual([]);
  });

  it('takes twins and actions away with their saga', async () => {
    const plan = makePlan(2);
    const sagas = plan.sagas.slice(0, 3).map((saga, index) => (index === 1 ? { ...saga, twinOf: 0 } : saga));
    const users = [0, 1, 2].map((saga) => ({ atMillis: 1, kind: 'cancel', saga }) as const);
    const { plan: small } = await shrink(
      { ...plan, sagas, users },
      async (candidate) => candidate.sagas.some(({ id }) => id === 2),
      500,
    );
    expect(small.sagas.map(({ id }) => id)).toEqual([2]);
  });

  it('gives up after so many runs', async () => {
    let runs = 0;
    await shrink(makePlan(1), async () => ((runs += 1), false), 7);
    expect(runs).toBe(7);
  });
});
