import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { mutantNamed } from '../mutants/all-mutants.ts';
import { buildWorker } from './build-worker.ts';
import type { PlanAnswer, PlanOrder } from './plan-worker.ts';
import { spread } from './spread.ts';

/** A kept plan is worth keeping only as long as it finds its bug: put the bug back, and it must be found again. */

const folder = fileURLToPath(new URL('../../regressions', import.meta.url));

const bugs: readonly { readonly file: string; readonly mutant: string }[] = [
  { file: 'status-on-a-newer-object.json', mutant: 'status-of-an-older-belief' },
  { file: 'two-leaders-overwrite-status.json', mutant: 'leaders-overwrite-each-other' },
];

it('names the bug of every plan that is kept', () => {
  expect(bugs.map(({ file }) => file)).toEqual(readdirSync(folder));
});

it.each(bugs)('finds in $file what it once found', { timeout: 120_000 }, async ({ file, mutant }) => {
  const orders: PlanOrder[] = [{ text: readFileSync(`${folder}/${file}`, 'utf8') }];
  const violations: string[] = [];
  await spread<PlanOrder, PlanAnswer>({
    bundle: await buildWorker(`regression-${mutant}`, 'cli/plan-worker.ts', mutantNamed(mutant).patches),
    nextOrder: () => orders.pop(),
    onAnswer: (answer) => void violations.push(...answer.violations),
    failed: (_order, why) => {
      throw new Error(why);
    },
    silenceMillisMax: 60_000,
    workers: 1,
  });
  expect(violations).toContainEqual(expect.stringMatching(/^I11: /));
});
