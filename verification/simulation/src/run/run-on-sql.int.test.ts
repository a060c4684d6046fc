import { expect, it } from 'vitest';
import { makePlan } from '../schedule/make-plan.ts';
import { runPlan } from './run-seed.ts';
import { violationsOf } from './tally.ts';

const quiet = () => {
  const plan = makePlan(5);
  return { ...plan, sagas: plan.sagas.filter(({ twinOf }) => twinOf === undefined), users: [], faults: [] };
};

async function outcomesOf(onSql: boolean) {
  const result = await runPlan(quiet(), { onSql });
  expect(violationsOf(result)).toEqual([]);
  return Object.entries(result.counts).filter(([name]) => name.startsWith('outcome '));
}

it('a run on real SQL comes to the same outcomes as in memory', async () => {
  const inMemory = await outcomesOf(false);
  expect(inMemory.length).toBeGreaterThan(0);
  expect(await outcomesOf(true)).toEqual(inMemory);
});

it('a run on real SQL under faults is the same twice', async () => {
  const result = await runPlan(makePlan(100), { onSql: true, twice: true });
  expect(violationsOf(result)).toEqual([]);
});
