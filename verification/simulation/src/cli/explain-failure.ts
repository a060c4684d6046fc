import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { runPlan } from '../run/run-seed.ts';
import type { RunResult } from '../run/run-result.ts';
import { violationsOf } from '../run/tally.ts';
import type { RunPlan } from '../schedule/run-plan.ts';
import { shrink } from '../schedule/shrink.ts';

/** A failing run made as small as possible, for people: what is left of its plan, its violations, and the end of its trace. */

const shrinkRunsMax = 120;
const traceLinesMax = 60;
const violationsMax = 10;

export interface Explanation {
  readonly lines: readonly string[];
  readonly fails: boolean;
}

/** Writes the smallest plan beside the bundles; `make sim PLAN=<file>` runs it again. */
export async function explainFailure(plan: RunPlan, planFile: string): Promise<Explanation> {
  const first = await runPlan(plan);
  const guilty = invariantsOf(first);
  if (guilty.size === 0) {
    return { lines: [`seed ${plan.seed}: no violation, trace ${first.traceHash}`], fails: false };
  }
  const { plan: small, runs } = await shrink(
    plan,
    async (candidate) => [...invariantsOf(await runPlan(candidate))].some((id) => guilty.has(id)),
    shrinkRunsMax,
  );
  const result = await runPlan(small, { keepTrace: true });
  mkdirSync(dirname(planFile), { recursive: true });
  writeFileSync(planFile, `${JSON.stringify(small, null, 2)}\n`);
  return { fails: true, lines: describe(small, result, runs, planFile) };
}

function invariantsOf(result: RunResult): ReadonlySet<string> {
  return new Set(
    result.findings.filter(({ violations }) => violations.length > 0).map(({ invariant }) => invariant),
  );
}

function describe(plan: RunPlan, result: RunResult, runs: number, planFile: string): readonly string[] {
  const violations = violationsOf(result);
  return [
    `seed ${plan.seed}, made smaller in ${runs} runs; replay with: make sim PLAN=${planFile}`,
    `  ${plan.sagas.length} sagas, ${plan.users.length} user actions, ${plan.faults.length} faults, trace ${result.traceHash}`,
    ...plan.sagas.map((saga) => `  saga   ${JSON.stringify(saga)}`),
    ...plan.users.map((action) => `  user   ${JSON.stringify(action)}`),
    ...plan.faults.map((fault) => `  fault  ${JSON.stringify(fault)}`),
    ...violations.slice(0, violationsMax).map((violation) => `  violates ${violation}`),
    ...(violations.length > violationsMax ? [`  and ${violations.length - violationsMax} more`] : []),
    `  the last ${traceLinesMax} lines of the trace`,
    ...result.traceLines.slice(-traceLinesMax).map((line) => `    ${line}`),
  ];
}
