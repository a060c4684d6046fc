import { describe, expect, it } from 'vitest';
import { judgeAll, lineOf, points, scoreOf } from './checklist.ts';
import type { Facts } from './facts.ts';
import { handler, honestFacts, withManifests, withRunning } from './testing/honest-facts.ts';
import { meshViolations } from './testing/violations/mesh.ts';
import { messageViolations } from './testing/violations/messages.ts';
import { processViolations } from './testing/violations/processes.ts';
import { storeViolations } from './testing/violations/stores.ts';
import { verdictOf } from './verdict.ts';

const failing = (facts: Facts) =>
  judgeAll(facts)
    .filter(({ ok }) => !ok)
    .map(({ number }) => number);

const evidenceOf = (facts: Facts, number: number) =>
  judgeAll(facts).find((one) => one.number === number)?.evidence ?? '';

const violations = [...storeViolations, ...messageViolations, ...meshViolations, ...processViolations];

describe('the checklist', () => {
  it('passes an honest system, with a line for each point', () => {
    const judged = judgeAll(honestFacts);
    expect(judged.map(({ number }) => number)).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
    expect(judged.filter(({ ok }) => !ok)).toEqual([]);
    expect(scoreOf(judged)).toBe('14/14');
    expect(judged.map(lineOf)[0]).toMatch(
      /^PASS {2}1 own data store per service: manifests: kind gives 3 services 3 stores/,
    );
  });

  it.each(violations)('sees that $what', ({ facts, red, says }) => {
    expect(failing(facts)).toEqual(red);
    expect(red.map((number) => evidenceOf(facts, number)).join('\n')).toContain(says);
  });

  it('has a violation for every point', () => {
    const seen = new Set(violations.flatMap(({ red }) => red));
    expect(points.map(({ number }) => number).filter((number) => !seen.has(number))).toEqual([]);
  });

  it('counts what passed', () => {
    const facts = withRunning({ handlers: [handler('order-create', { repeats: 0 })] });
    const judged = judgeAll(facts);
    expect(scoreOf(judged)).toBe('12/14');
    expect(judged.map(lineOf).filter((line) => line.startsWith('FAIL'))).toHaveLength(2);
  });
});

const nothingRan: Facts['running'] = {
  stores: [],
  addresses: [],
  outages: [],
  alone: [],
  pairs: [],
  lostDependencies: [],
  sagas: [],
  handlers: [],
  handlersKnown: [],
  events: [],
  lateEvents: [],
  hungProvider: null,
  refusals: [],
  gateway: null,
};

describe('evidence that evaluated nothing', () => {
  it('fails every point when there are no facts at all', () => {
    const nothing: Facts = {
      services: [],
      manifests: [],
      code: { services: [], gatewayRoutes: [], gatewayLimits: [], plan: [] },
      running: nothingRan,
    };
    expect(scoreOf(judgeAll(nothing))).toBe('0/14');
  });

  it('fails every point that needs a running system when nothing ran', () => {
    // 12 is about manifests and code alone.
    expect(failing({ ...honestFacts, running: nothingRan })).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14,
    ]);
  });

  it('fails every point that reads manifests when an environment is empty', () => {
    const empty = withManifests((one) => ({
      ...Object.fromEntries(Object.keys(one).map((key) => [key, []])),
      environment: 'kind',
      objects: 0,
    }));
    expect(failing(empty)).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
  });

  it('is no claim, either', () => {
    expect(verdictOf([]).ok).toBe(false);
    const looked = { source: 'code' as const, looked: 0, holds: '0 files', problems: [] };
    expect(verdictOf([looked])).toEqual({ ok: false, evidence: 'code: nothing to look at (0 files)' });
  });
});
