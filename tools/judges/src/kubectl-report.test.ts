import { describe, expect, it } from 'vitest';
import { dryRunCount, dryRunFindings } from './kubectl-report.ts';

const object = 'kind/DestinationRule/shop/order';

describe('a dry run', () => {
  it('that is refused is a finding, with the reason that the server gave', () => {
    const stderr =
      'Error from server (BadRequest): error when creating "STDIN": DestinationRule in version "v1" cannot be handled: strict decoding error: unknown field "spec.trafficPolicy.outlierDetection.intervall"\n';
    const [finding] = dryRunFindings(object, 1, stderr);
    expect(finding).toMatchObject({ check: 'refused', object });
    expect(finding?.message).toContain('intervall');
  });

  it('that is refused without a word is one, too', () => {
    expect(dryRunFindings(object, 1, '')).toMatchObject([{ check: 'refused' }]);
  });

  it('that passes with warnings is a finding per warning', () => {
    const stderr =
      'Warning: would violate PodSecurity "restricted:latest": runAsNonRoot != true\nWarning: spec.x is deprecated\n';
    expect(dryRunFindings(object, 0, stderr)).toMatchObject([
      { check: 'warning', message: 'would violate PodSecurity "restricted:latest": runAsNonRoot != true' },
      { check: 'warning', message: 'spec.x is deprecated' },
    ]);
  });

  it('that passes silently is none', () => {
    expect(dryRunFindings(object, 0, '')).toEqual([]);
  });

  it('counts what it went through with', () => {
    const stdout =
      'deployment.apps/order created (server dry run)\nnamespace/shop unchanged (server dry run)\nnamespace/x created\n';
    expect(dryRunCount(stdout)).toBe(2);
  });
});
