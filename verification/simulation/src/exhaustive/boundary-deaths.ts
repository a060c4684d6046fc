import type { Boundary } from '../kernel/fault-engine.ts';
import { violationsOf } from '../run/tally.ts';
import type { Course } from './boundary-course.ts';
import { wordsOf } from './boundary-places.ts';
import { runBoundary } from './boundary-run.ts';
import type { BoundaryRun, Death } from './boundary-run.ts';

/** The deaths at one boundary of a course: for a moment, for longer than the Lease lives, and followed by a second death elsewhere. */

export const downtimes = {
  /** Back before anybody noticed. */
  short: 500,
  /** Lease (15 s) and several attempts are over when it comes back. */
  long: 25_000,
} as const;

/** One run in which processes died. */
export interface DeathRun {
  /** As BOUNDARY= takes it. */
  readonly boundary: string;
  readonly words: string;
  readonly run: BoundaryRun;
  readonly violations: readonly string[];
}

/** Which boundary (from 1), how long, and at which boundary of that run a second process dies: `37`, `37l`, `37+52`. */
export interface DeathPlan {
  readonly number: number;
  readonly isLong: boolean;
  readonly thenNumber?: number;
}

const deathPattern = /^(\d+)(l?)(?:\+(\d+))?$/;

export function parseDeath(text: string): DeathPlan | undefined {
  const [, number, long, then] = deathPattern.exec(text) ?? [];
  if (number === undefined) return undefined;
  return {
    number: Number(number),
    isLong: long === 'l',
    ...(then === undefined ? {} : { thenNumber: Number(then) }),
  };
}

/** Every death that begins at this boundary of the course. */
export async function dieAt(course: Course, number: number): Promise<readonly DeathRun[]> {
  const short = await die(course, { number, isLong: false });
  const runs = [short, await die(course, { number, isLong: true })];
  for (const thenNumber of followers(course, number, short.run)) {
    runs.push(await die(course, { number, isLong: false, thenNumber }));
  }
  return runs;
}

/** One run, also for replaying it. */
export async function die(course: Course, plan: DeathPlan, keepTrace = false): Promise<DeathRun> {
  const { number, isLong, thenNumber } = plan;
  const deaths: Death[] = [deathAt(course, number, isLong ? downtimes.long : downtimes.short)];
  if (thenNumber !== undefined) deaths.push(deathAt(course, thenNumber, downtimes.short));
  const run = await runBoundary(course.plan, { deaths, keepTrace });
  const died = deaths.map(({ ordinal }) => run.passed[ordinal]);
  return {
    boundary: `${number}${isLong ? 'l' : ''}${thenNumber === undefined ? '' : `+${thenNumber}`}`,
    words: `${died.map((at) => (at === undefined ? 'nobody dies' : wordsOf(at))).join(', then ')}${isLong ? ', for long' : ''}`,
    run,
    violations: [
      ...violationsOf(run),
      ...unexpectedEnd(course, run.outcome),
      ...diedElsewhere(course, number, died[0]),
    ],
  };
}

function deathAt({ first }: Course, number: number, downMillis: number): Death {
  return { ordinal: first + number - 1, downMillis };
}

/**
 * When an operator dies: the next boundary of a service, which then loses its memory, too, while nobody leads. In scenarios with `allPairs`: the
 * next boundary of each other process.
 */
function followers(course: Course, number: number, { passed }: BoundaryRun): readonly number[] {
  const { first, scenario, boundaries } = course;
  const dead = boundaries[number - 1];
  const begin = first + number;
  const seen = new Set<string>([dead?.host ?? '']);
  const isService = (host: string) => !host.startsWith('operator-');
  if (scenario.allPairs !== true) {
    if (dead?.role !== 'operator') return [];
    const next = passed.findIndex(({ host }, index) => index >= begin && isService(host));
    return next < 0 ? [] : [next - first + 1];
  }
  return passed.flatMap(({ host }, index) => {
    if (index < begin || seen.has(host)) return [];
    seen.add(host);
    return [index - first + 1];
  });
}

function unexpectedEnd({ scenario }: Course, outcome: string): readonly string[] {
  if (scenario.allowed.includes(outcome)) return [];
  return [`outcome: ${outcome}, and only ${scenario.allowed.join(' or ')} is allowed`];
}

/** Same plan, same course up to the death: else the enumeration misses what it means to hit. */
function diedElsewhere(course: Course, number: number, died: Boundary | undefined): readonly string[] {
  const meant = course.boundaries[number - 1];
  const found = died === undefined ? 'nowhere' : wordsOf(died);
  const wanted = meant === undefined ? `no boundary ${number}` : wordsOf(meant);
  return found === wanted ? [] : [`replay: ${found} instead of ${wanted}`];
}
