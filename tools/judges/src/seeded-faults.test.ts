import { describe, expect, it } from 'vitest';
import type { Finding } from './finding.ts';
import { isSeeded, seededFaults, unseenFaults } from './seeded-faults.ts';

const found: readonly Finding[] = seededFaults.map((fault) => ({ ...fault, message: fault.saying ?? '' }));
const judges = new Set(seededFaults.map(({ judge }) => judge));

describe('a seeded fault', () => {
  it('is there for each judge', () => {
    const names = [
      'checkov',
      'istioctl-analyze',
      'istioctl-validate',
      'kube-apiserver',
      'kube-score',
      'trivy',
    ];
    expect([...judges].toSorted()).toEqual(names);
  });

  it('that was found is not missed', () => {
    expect(unseenFaults(found, judges)).toEqual([]);
  });

  it.each(seededFaults)('$judge $check in $object is missed when nobody says it', (fault) => {
    expect(
      unseenFaults(
        found.filter(
          ({ check, object, judge }) =>
            check !== fault.check || object !== fault.object || judge !== fault.judge,
        ),
        judges,
      ),
    ).toContain(fault);
  });

  it('is missed when the check speaks of something else', () => {
    expect(
      unseenFaults(
        found.map((one) => ({ ...one, message: '' })),
        judges,
      ).length,
    ).toBeGreaterThan(0);
  });

  it('of a judge that did not run is not missed', () => {
    expect(unseenFaults([], new Set())).toEqual([]);
  });

  it('is kept apart from real ones by its set', () => {
    expect(found.every(isSeeded)).toBe(true);
    expect(isSeeded({ judge: 'a', check: 'b', object: 'kind/Deployment/seeded/order', message: '' })).toBe(
      false,
    );
  });
});
