import { describe, expect, it } from 'vitest';
import { readAccepted, sortFindings } from './accepted.ts';
import type { Finding, Judgement } from './finding.ts';
import { seededFaults, type SeededFault } from './seeded-faults.ts';
import { verdictOf, type Session } from './verdict.ts';

const finding: Finding = {
  judge: 'checkov',
  check: 'CKV_K8S_15',
  object: 'kind/Deployment/shop/order',
  message: 'Image Pull Policy should be Always',
};
const asFinding = (fault: SeededFault): Finding => ({ ...fault, message: fault.saying ?? '' });
const judgement: Judgement = {
  judge: 'checkov',
  version: '3.3.30',
  looks: [
    { set: 'kind', objects: 12 },
    { set: 'seeded', objects: 5 },
  ],
  findings: [finding, ...seededFaults.filter(({ judge }) => judge === 'checkov').map(asFinding)],
  notes: [],
};
const entry = {
  judge: 'checkov',
  check: 'CKV_K8S_15',
  objects: ['*/Deployment/shop/*'],
  reason: 'nothing to pull',
};
const session = (change: Partial<Session> = {}): Session => ({
  judgements: [judgement],
  notRun: [],
  absent: [],
  entries: [entry],
  unjudged: [],
  ...change,
});

describe('an accepted finding', () => {
  const open = (change: object) =>
    sortFindings([finding], [{ ...entry, ...change }], new Set(['checkov'])).open;

  it.each([
    ['is one of the same judge, check and object', {}, 0],
    ['is not another check', { check: 'CKV_K8S_43' }, 1],
    ['is not of another judge', { judge: 'trivy' }, 1],
    ['is not of another object', { objects: ['*/Deployment/shop/user'] }, 1],
    ['is not deeper than its pattern', { objects: ['*/Deployment/*/or'] }, 1],
    ['is one of any of the patterns', { objects: ['*/Job/*/*', 'kind/*/*/order'] }, 0],
    ['says what the entry says', { saying: 'Pull Policy' }, 0],
    ['does not say something else', { saying: 'digest' }, 1],
  ])('%s', (_, change, count) => {
    expect(open(change)).toHaveLength(count);
  });

  it('takes no dot or bracket of a pattern for a rule', () => {
    expect(open({ objects: ['kind/Deployment/shop/.....'] })).toHaveLength(1);
  });
});

describe('the file of accepted findings', () => {
  it.each([
    ['without a reason', '- {judge: a, check: b, objects: ["*/*/*/*"]}', 'reason'],
    [
      'with a reason of one word',
      '- {judge: a, check: b, objects: ["*/*/*/*"], reason: ok}',
      'a reason, in words',
    ],
    ['without objects', '- {judge: a, check: b, objects: [], reason: because it is so and so}', 'objects'],
    [
      'with a pattern of another form',
      '- {judge: a, check: b, objects: ["*"], reason: because it is so and so}',
      'set/kind',
    ],
    [
      'with an unknown field',
      '- {judge: a, check: b, objects: ["*/*/*/*"], reason: because it is so, why: x}',
      'why',
    ],
  ])('is refused %s', (_, yaml, problem) => {
    expect(() => readAccepted(yaml)).toThrow(problem);
  });

  it('may be empty', () => {
    expect(readAccepted('# nothing\n')).toEqual([]);
  });
});

describe('the verdict', () => {
  it('is good when every finding is accepted, and says so per judge', () => {
    const { lines, exitCode } = verdictOf(session());
    expect(exitCode).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^checkov 3\.3\.30 +12 objects +1 findings +1 accepted +2 in seeded faults$/),
    ]);
  });

  it.each([
    [
      'a finding that nobody accepted',
      { entries: [] },
      'FINDING  checkov CKV_K8S_15 kind/Deployment/shop/order',
    ],
    ['an entry that matches nothing', { entries: [entry, { ...entry, check: 'CKV_K8S_8' }] }, 'STALE'],
    [
      'a pattern that matches nothing',
      { entries: [{ ...entry, objects: [...entry.objects, 'x/y/z/w'] }] },
      'x/y/z/w',
    ],
    [
      'a judge that looked at nothing',
      { judgements: [{ ...judgement, looks: [{ set: 'seeded', objects: 5 }] }] },
      'EMPTY    checkov',
    ],
    [
      'a judge that does not find what is seeded',
      { judgements: [{ ...judgement, findings: [finding] }] },
      'BLIND    checkov',
    ],
    ['an object that is in no set', { unjudged: ['Service/shop/lost'] }, 'UNJUDGED Service/shop/lost'],
  ])('is bad after %s', (_, change, line) => {
    const { lines, exitCode } = verdictOf(session(change));
    expect(exitCode).toBe(1);
    expect(lines.join('\n')).toContain(line);
  });

  it('is neither when a judge did not run, which stands at the end', () => {
    const { lines, exitCode } = verdictOf(session({ notRun: [{ judge: 'trivy', why: 'not to be had' }] }));
    expect(exitCode).toBe(3);
    expect(lines.at(-1)).toBe('NOT RUN: trivy: not to be had');
  });

  it('says which judges this project does without, on whatever machine', () => {
    const { lines, exitCode } = verdictOf(session({ absent: [{ judge: 'polaris', why: 'not pinned' }] }));
    expect(exitCode).toBe(0);
    expect(lines.at(-1)).toBe('NOT RUN: polaris: not pinned');
  });

  it('is bad when a judge did not run and another found something', () => {
    expect(verdictOf(session({ entries: [], notRun: [{ judge: 'polaris', why: 'x' }] })).exitCode).toBe(1);
  });

  it('calls no entry stale whose judge did not run', () => {
    const other = { ...entry, judge: 'polaris' };
    expect(verdictOf(session({ entries: [entry, other] })).exitCode).toBe(0);
  });
});
