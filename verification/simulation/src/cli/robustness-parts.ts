import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { runInfoSchema } from '../report/robustness/figures.ts';
import type { Part, RunInfo } from '../report/robustness/figures.ts';
import { commitOfCopy } from './repository.ts';
import type { PartName } from './robustness-settings.ts';
import { runChild } from './run-child.ts';

/** Runs a part of the proof and keeps its results; or takes those of an earlier run. */

export interface MakeTarget {
  readonly part: PartName;
  readonly target: string;
  readonly program: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** Of the targets' own variables none must leak from one part into another. */
const cleared = { SEED: '', COUNT: '', MINUTES: '', SQL_EVERY: '', PLAN: '', ONLY: '', BOUNDARY: '' };

const keptSchema = z.object({ info: runInfoSchema, figures: z.unknown() });

export async function runTarget(
  { part, target, program, variables }: MakeTarget,
  folder: string,
): Promise<void> {
  const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const command = ['make', target, ...words].join(' ');
  await keepResults(part, folder, command, async () => {
    const out = join(folder, `${part}.out.json`);
    rmSync(out, { force: true });
    const trouble = await runChild({
      command: process.execPath,
      args: ['--import', 'tsx', `verification/simulation/src/cli/${program}`],
      env: { ...cleared, ...variables, OUT: out },
    });
    if (!existsSync(out)) throw new Error(trouble ?? 'it wrote no results');
    return JSON.parse(readFileSync(out, 'utf8'));
  });
}

/** Keeps what `work` answers, with what was run, when, and on which commit; or why there is nothing to keep. */
export async function keepResults(
  part: PartName,
  folder: string,
  command: string,
  work: () => Promise<unknown>,
): Promise<void> {
  console.log(`--- ${command}`);
  const beganMillis = performance.now();
  const commit = await commitOfCopy();
  const keep = (what: object): void =>
    writeFileSync(fileOf(part, folder), `${JSON.stringify(what, null, 2)}\n`);
  try {
    const figures = await work();
    const seconds = (performance.now() - beganMillis) / 1_000;
    const info: RunInfo = { command, commit, date: new Date().toISOString().slice(0, 10), seconds };
    keep({ info, figures });
  } catch (error) {
    keep({ why: `\`${command}\`: ${error instanceof Error ? error.message : String(error)}` });
  }
}

/** A file that is not there, or not of this part, is a part that was not run: the page says so. */
export function takeResults<Figures>(
  part: PartName,
  folder: string,
  schema: z.ZodType<Figures>,
  commandByDefault: string,
): Part<Figures> {
  const file = fileOf(part, folder);
  if (!existsSync(file)) return { kind: 'notRun', why: 'there are no results' };
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { kind: 'notRun', why: 'the results are no JSON' };
  }
  const failed = z.object({ why: z.string() }).safeParse(json);
  if (failed.success) return { kind: 'notRun', why: failed.data.why };
  const kept = keptSchema.safeParse(json);
  const info: RunInfo = kept.success
    ? kept.data.info
    : { command: commandByDefault, commit: commitIn(json), date: dayOf(file), seconds: null };
  const figures = schema.safeParse(kept.success ? kept.data.figures : json);
  if (!figures.success)
    return { kind: 'notRun', why: `the results are not readable: ${firstProblem(figures.error)}` };
  return { kind: 'done', info, figures: figures.data };
}

function fileOf(part: PartName, folder: string): string {
  return join(folder, `${part}.json`);
}

function commitIn(json: unknown): string | null {
  const parsed = z.object({ commit: z.string() }).safeParse(json);
  return parsed.success ? parsed.data.commit.slice(0, 7) : null;
}

function dayOf(file: string): string {
  return statSync(file).mtime.toISOString().slice(0, 10);
}

function firstProblem({ issues: [issue] }: z.ZodError): string {
  return issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`;
}
