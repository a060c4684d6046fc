import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { recordCourse } from '../exhaustive/boundary-course.ts';
import { die, parseDeath } from '../exhaustive/boundary-deaths.ts';
import {
  coverageLines,
  failingLines,
  reportOf,
  scenarioHeader,
  scenarioLine,
  totalLine,
  verdictOfReport,
} from '../exhaustive/boundary-report.ts';
import type { BoundaryReport } from '../exhaustive/boundary-report.ts';
import { boundaryScenarios, scenarioNamed } from '../exhaustive/boundary-scenarios.ts';
import { runStateSpace } from '../exhaustive/run-state-space.ts';
import type { ScopeResult } from '../exhaustive/run-state-space.ts';
import { sagaScopes } from '../exhaustive/state-space-configurations.ts';
import { intakeScopes } from '../exhaustive/state-space-intake-scopes.ts';
import { problemsIn, scopeHeader, scopeLines, scopesLine } from '../exhaustive/state-space-report.ts';
import { exitCodes } from '../report/verdict.ts';
import { enumerateBoundaries } from './boundary-pool.ts';
import { buildWorker } from './build-worker.ts';

/**
 * `make sim-exhaustive`: dies at every effect boundary of every scenario; then every state of small scopes. ONLY=<scenario>: this one alone, and
 * no scopes. BOUNDARY=37 (with ONLY; `37l`: down for long; `37+52`: a second death): that one run, with its trace.
 */

const settings = z
  .object({
    ONLY: z.string().optional(),
    BOUNDARY: z.string().optional(),
    /** A file for the results as JSON. */
    OUT: z.string().optional(),
  })
  .parse(Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')));

const wanted = settings.ONLY?.split(',');
const isWhole = wanted === undefined;
const scenarios = boundaryScenarios.filter(({ name }) => wanted?.includes(name) ?? true);
if (scenarios.length === 0 || (settings.BOUNDARY !== undefined && scenarios.length > 1)) {
  console.error(`ONLY= is one of: ${boundaryScenarios.map(({ name }) => name).join(' ')}`);
  process.exit(64);
}
if (settings.BOUNDARY !== undefined) process.exit(await replay(settings.ONLY ?? '', settings.BOUNDARY));

const beganMillis = performance.now();
const bundle = await buildWorker('boundary-worker', 'cli/boundary-worker.ts');
console.log(scenarioHeader);
const { tallies, found } = await enumerateBoundaries({
  bundle,
  scenarios: scenarios.map(({ name }) => name),
  onScenario: (tally) => console.log(scenarioLine(tally)),
});
const report = reportOf(tallies, found);
for (const line of reportLines(report)) console.log(line);
const scopes = isWhole ? searchScopes() : [];
if (settings.OUT !== undefined) {
  const results = isWhole ? { ...report, scopes } : report;
  writeFileSync(settings.OUT, `${JSON.stringify(results, null, 2)}\n`);
}
const verdict = problemsIn(scopes) > 0 ? 'Fail' : verdictOfReport(report, isWhole);
const seconds = ((performance.now() - beganMillis) / 1_000).toFixed(0);
console.log(
  [`${verdict}: ${totalLine(report)}`, ...(isWhole ? [scopesLine(scopes)] : []), `${seconds} s`].join('; '),
);
process.exitCode = exitCodes[verdict];

function searchScopes(): readonly ScopeResult[] {
  console.log(`\n${scopeHeader}`);
  return runStateSpace([...sagaScopes, ...intakeScopes], {
    epochMillis: () => Date.now(),
    onResult: (result) => console.log(scopeLines(result).join('\n')),
  });
}

function reportLines(whole: BoundaryReport): readonly string[] {
  return [
    ...whole.scenarios.flatMap(({ failing }) => failing.slice(0, 5).flatMap(failingLines)),
    ...(isWhole ? ['', ...coverageLines(whole), ''] : []),
    ...(isWhole && whole.holes.length > 0 ? ['not tried:', ...whole.holes] : []),
  ];
}

async function replay(name: string, text: string): Promise<number> {
  const plan = parseDeath(text);
  const course = await recordCourse(scenarioNamed(name));
  if (plan === undefined || plan.number < 1 || plan.number > course.boundaries.length) {
    console.error(`BOUNDARY= is 1 to ${course.boundaries.length}, e.g. 37, 37l (for long), 37+52`);
    return 64;
  }
  const { words, run, violations } = await die(course, plan, true);
  for (const line of run.traceLines) console.log(line);
  console.log(`${name}: ${words}; ends ${run.outcome}, trace ${run.traceHash}`);
  for (const violation of violations) console.log(`    ${violation}`);
  return violations.length === 0 ? exitCodes.Pass : exitCodes.Fail;
}
