import { beforeAll, describe, expect, it } from 'vitest';
import type { Boundary } from '../kernel/fault-engine.ts';
import { violationsOf } from '../run/tally.ts';
import { recordCourse } from './boundary-course.ts';
import type { Course } from './boundary-course.ts';
import { coverageKeys, holesIn } from './boundary-coverage.ts';
import { die, dieAt, parseDeath } from './boundary-deaths.ts';
import { isIdle, phaseOf, placed, wordsOf } from './boundary-places.ts';
import { failingLines, reportOf, verdictOfReport } from './boundary-report.ts';
import { planOf, runBoundary } from './boundary-run.ts';
import { boundaryScenarios, scenarioNamed } from './boundary-scenarios.ts';
import { addCourse, addDeaths, emptyBoundaryTally } from './boundary-tally.ts';

describe('the scenarios', () => {
  it('have names of their own', () => {
    const names = boundaryScenarios.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  // The enumeration itself judges all of them; here one of each sort.
  it.each([
    'http',
    'no-settle',
    'silent-card-hasty',
    'paused-reserve',
    'unheard-charge',
    'trouble-confirm',
    'delete-at-command-3',
    're-created-before-pivot',
    'twin',
  ])('%s ends undisturbed as it says, without a violation', async (name) => {
    const scenario = scenarioNamed(name);
    const run = await runBoundary(await planOf(scenario));
    expect(run.outcome).toBe(scenario.quiet);
    expect(violationsOf(run)).toEqual([]);
    expect(scenario.allowed).toContain(scenario.quiet);
  });
});

describe('a course', () => {
  let course: Course;
  beforeAll(async () => {
    course = await recordCourse(scenarioNamed('no-reserve'));
  });

  it('begins with the first action and ends with the last boundary that belongs to the saga', () => {
    const { boundaries, quiet, first } = course;
    expect(quiet.passed[first - 1]?.atMillis).toBeLessThan(5_000);
    expect(boundaries[0]?.atMillis).toBeGreaterThanOrEqual(5_000);
    expect(quiet.passed.slice(first + boundaries.length).every(isIdle)).toBe(true);
    expect(isIdle(boundaries.at(-1) ?? boundary({ what: 'none' }))).toBe(false);
  });

  it('is the same course when it runs again', async () => {
    const again = await recordCourse(course.scenario);
    expect(again.quiet.traceHash).toBe(course.quiet.traceHash);
    expect(again.boundaries.map(wordsOf)).toEqual(course.boundaries.map(wordsOf));
  });

  it('goes on after a death at its boundary, and a second death elsewhere', async () => {
    const number =
      course.boundaries.findIndex(({ effect, role }) => effect === 'publish' && role === 'operator') + 1;
    const runs = await dieAt(course, number);
    expect(runs.map(({ boundary: name }) => name.replace(/\+.*/, '+'))).toEqual([
      `${number}`,
      `${number}l`,
      `${number}+`,
    ]);
    for (const { words, violations, run } of runs) {
      expect(words).toContain(wordsOf(course.boundaries[number - 1] ?? boundary({})));
      expect(violations).toEqual([]);
      expect(run.outcome).toBe('Compensated');
    }
    expect(new Set(runs.map(({ run }) => run.traceHash)).size).toBe(3);
  });

  it('finds the run again by the text of its death', async () => {
    const plan = parseDeath('5l');
    expect(plan).toEqual({ number: 5, isLong: true });
    if (plan === undefined) return;
    const first = await die(course, plan);
    const again = await die(course, plan, true);
    expect(again.run.traceHash).toBe(first.run.traceHash);
    expect(again.run.traceLines.some((line) => line.endsWith(' dies'))).toBe(true);
  });

  it('calls an end that the scenario does not allow a violation', async () => {
    const strict = { ...course, scenario: { ...course.scenario, allowed: ['Completed'] } };
    const { violations } = await die(strict, { number: 5, isLong: false });
    expect(violations).toEqual(['outcome: Compensated, and only Completed is allowed']);
  });

  it('calls a death at another boundary than the one that was meant a violation', async () => {
    const moved = { ...course, boundaries: course.boundaries.slice(1) };
    const { violations } = await die(moved, { number: 5, isLong: false });
    expect(violations).toEqual([expect.stringMatching(/^replay: .* instead of /)]);
  });

  it('is judged itself', () => {
    const tally = emptyBoundaryTally('no-reserve');
    addCourse(tally, { ...course, scenario: { ...course.scenario, quiet: 'Completed' } });
    expect(tally.failing).toEqual([
      {
        scenario: 'no-reserve',
        boundary: '0',
        words: 'nobody dies',
        violations: ['outcome: Compensated instead of Completed'],
      },
    ]);
  });

  it('is added up with what the deaths at its boundaries count for', async () => {
    const tally = emptyBoundaryTally('no-reserve');
    addCourse(tally, course);
    addDeaths(tally, course, 1, await dieAt(course, 1));
    const report = reportOf([tally], course.boundaries.length);
    expect(report).toMatchObject({ boundaries: { found: course.boundaries.length, died: 1 }, violations: 0 });
    expect(verdictOfReport(report, false)).toBe('Inconclusive');
    expect(Object.keys(report.deaths)).toEqual(
      coverageKeys(course.boundaries[0] ?? { ...boundary({}), place: undefined }),
    );
  });
});

describe('the text of a death', () => {
  it.each([
    ['37', { number: 37, isLong: false }],
    ['37l', { number: 37, isLong: true }],
    ['37+52', { number: 37, isLong: false, thenNumber: 52 }],
    ['x', undefined],
    ['', undefined],
  ])('%s', (text, plan) => {
    expect(parseDeath(text)).toEqual(plan);
  });
});

describe('the place of a boundary', () => {
  const sent = (what: string) => boundary({ role: 'operator', effect: 'publish', what });
  const boundaries = placed([
    boundary({ what: 'order 1' }),
    sent('saga.cmd.order.confirm u/confirmOrder/execute/n/1'),
    boundary({ what: 'order 4' }),
    sent('saga.cmd.order.confirm u/confirmOrder/revoke/n/2'),
    boundary({ what: 'order 2' }),
  ]);

  it('is what the newest command asks for', () => {
    expect(boundaries.map(({ place }) => place?.direction)).toEqual([
      undefined,
      'execute',
      'execute',
      'revoke',
      'revoke',
    ]);
    expect(boundaries.map(phaseOf)).toEqual(['forward', 'forward', 'forward', 'undo', 'undo']);
  });

  it('is in the words of a command', () => {
    const [, confirm] = boundaries;
    expect(wordsOf(confirm ?? boundary({}))).toBe(
      'order-1 dies before publish saga.cmd.order.confirm (execute confirmOrder)',
    );
  });

  it('is nowhere for the Lease and for transactions that found nothing to do', () => {
    const lease = '/apis/coordination.k8s.io/v1/namespaces/x/leases/y';
    expect(isIdle(boundary({ what: 'order 0' }))).toBe(true);
    expect(isIdle(boundary({ what: 'order 10' }))).toBe(false);
    expect(isIdle(boundary({ effect: 'apiWrite', what: `PUT ${lease}` }))).toBe(true);
    expect(isIdle(boundary({ effect: 'apiWrite', what: 'PATCH /apis/sagamesh.dev/v1alpha1/x' }))).toBe(false);
    expect(isIdle(boundary({ effect: 'publish', what: 'saga.reply.order' }))).toBe(false);
  });

  it('is what a death counts for', () => {
    expect(boundaries.flatMap(coverageKeys)).toEqual([
      'order before commit forward',
      'operator before publish forward',
      'execute confirmOrder: before sent',
      'order before commit forward',
      'execute confirmOrder: before carried out',
      'operator before publish undo',
      'revoke confirmOrder: before sent',
      'order before commit undo',
      'revoke confirmOrder: before carried out',
    ]);
  });
});

describe('the verdict', () => {
  const whole = { found: 2, died: 2 };
  const report = { ...reportOf([], 0), boundaries: whole, holes: [] };

  it('is Pass when every boundary was died at and nothing was violated', () => {
    expect(verdictOfReport(report, true)).toBe('Pass');
  });

  it('is Fail as soon as something is violated', () => {
    expect(verdictOfReport({ ...report, violations: 1 }, true)).toBe('Fail');
  });

  it('is Inconclusive where a boundary was left out, or a kind of death never came up in the whole', () => {
    expect(verdictOfReport({ ...report, boundaries: { found: 2, died: 1 } }, true)).toBe('Inconclusive');
    expect(verdictOfReport({ ...report, boundaries: { found: 0, died: 0 } }, true)).toBe('Inconclusive');
    expect(verdictOfReport({ ...report, holes: ['a'] }, true)).toBe('Inconclusive');
    expect(verdictOfReport({ ...report, holes: ['a'] }, false)).toBe('Pass');
  });

  it('misses every kind of death where nobody died, and none that cannot be', () => {
    const holes = holesIn({});
    expect(holes).toContain('revoke confirmOrder: after answered');
    expect(holes).toContain('notification before mail undo');
    expect(holes).not.toContain('operator before ack undo');
    expect(holesIn(Object.fromEntries(holes.map((key) => [key, 1])))).toEqual([]);
  });

  it('tells how a failing run is replayed', () => {
    const lines = failingLines({
      scenario: 'happy',
      boundary: '37l',
      words: 'order-1 dies after commit order 3, for long',
      violations: ['I3: 5 cents'],
    });
    expect(lines).toEqual([
      'happy: order-1 dies after commit order 3, for long; replay with: make sim-exhaustive ONLY=happy BOUNDARY=37l',
      '    I3: 5 cents',
    ]);
  });
});

function boundary(change: Partial<Boundary>): Boundary {
  return {
    host: 'order-1',
    role: 'order',
    effect: 'commit',
    side: 'before',
    what: 'order 1',
    atMillis: 0,
    ...change,
  };
}
