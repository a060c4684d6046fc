import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { makePlan } from '../schedule/make-plan.ts';
import { readPlan } from '../schedule/read-plan.ts';
import type { RunPlan } from '../schedule/run-plan.ts';
import { runPlan } from './run-seed.ts';
import { violationsOf } from './tally.ts';

const regressions = fileURLToPath(new URL('../../regressions', import.meta.url));

function planIn(file: string): RunPlan {
  const read = readPlan(readFileSync(`${regressions}/${file}`, 'utf8'));
  if (read.kind === 'invalid') throw new Error(`${file}: ${read.problems.join('; ')}`);
  return read.plan;
}

/** A few sagas and all the faults of a seed: enough to see that a run runs. */
const small = (seed: number): RunPlan => {
  const plan = makePlan(seed);
  return { ...plan, sagas: plan.sagas.filter(({ twinOf }) => twinOf === undefined).slice(0, 6), users: [] };
};

describe('a run', { timeout: 60_000 }, () => {
  it('is the same twice, to the last line of its trace', async () => {
    const result = await runPlan(small(5), { twice: true });
    expect(result.findings.find(({ invariant }) => invariant === 'I14')).toMatchObject({
      evaluated: 1,
      violations: [],
    });
  });

  it('differs from that of another seed', async () => {
    expect((await runPlan(small(5))).traceHash).not.toBe((await runPlan(small(6))).traceHash);
  });

  it('drives orders and sagas to their end and judges them by every invariant', async () => {
    const result = await runPlan(small(5), { twice: true });
    expect(violationsOf(result)).toEqual([]);
    expect(result.findings).toHaveLength(23);
    expect(result.sagas).toBeGreaterThan(0);
  });

  it.each(readdirSync(regressions))('that once found a bug finds it no more: %s', async (file) => {
    expect(violationsOf(await runPlan(planIn(file)))).toEqual([]);
  });
});

describe('a plan from a file', () => {
  it('is what was written', () => {
    const plan = makePlan(3);
    expect(readPlan(JSON.stringify(plan))).toEqual({ kind: 'valid', plan });
  });

  it.each([
    ['no JSON', '{'],
    ['an unknown fault', JSON.stringify({ ...makePlan(3), faults: [{ kind: 'bus.explode', atMillis: 1 }] })],
    ['a part is missing', JSON.stringify({ ...makePlan(3), users: undefined })],
  ])('is refused with a reason: %s', (_name, text) => {
    const read = readPlan(text);
    expect(read.kind === 'invalid' ? read.problems.length : 0).toBeGreaterThan(0);
  });
});
