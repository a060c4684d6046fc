import { describe, expect, it } from 'vitest';
import { isAtLeast, linkerFlags, parseVersion, pinnedVersion, recipeOf } from './binary-catalog.ts';

describe('versions', () => {
  it.each([
    ['2.15.2', { major: 2, minor: 15, patch: 2 }],
    ['v1.32.4-dispatcher', { major: 1, minor: 32, patch: 4 }],
    ['1.21', { major: 1, minor: 21, patch: 0 }],
    ['1.35.4+k3s1', { major: 1, minor: 35, patch: 4 }],
    ['devel', undefined],
    ['', undefined],
  ])('reads %j', (text, version) => {
    expect(parseVersion(text)).toEqual(version);
  });

  it.each([
    ['1.33.0', '1.33.0', true],
    ['1.32.9', '1.33.0', false],
    ['2.0.0', '1.33.0', true],
    ['0.99.0', '1.33.0', false],
    ['1.33.1', '1.33.2', false],
    ['1.100.0', '1.33.0', true],
  ])('%s against a minimum of %s: %s', (version, minimum, enough) => {
    const [left, right] = [parseVersion(version), parseVersion(minimum)];
    expect(left !== undefined && right !== undefined && isAtLeast(left, right)).toBe(enough);
  });

  it.each([
    ['nats-server', 'nats-server: v2.15.2', '2.15.2'],
    ['etcd', 'etcd Version: 3.6.16\nGit SHA: none', '3.6.16'],
    ['kube-apiserver', 'Kubernetes v1.35.4', '1.35.4'],
    ['kubectl', '{"clientVersion": {"gitVersion": "v1.32.4-dispatcher"}}', '1.32.4-dispatcher'],
    ['pilot-agent', '2026/11/28 INFO memory is not limited\nclient version: 1.31-sagamesh', '1.31-sagamesh'],
    ['istioctl', 'client version: 1.30.2', '1.30.2'],
    ['trivy', 'Version: 0.74.0', '0.74.0'],
    ['kube-score', 'kube-score version: 1.20.0, commit: N/A, built: N/A', '1.20.0'],
  ] as const)('finds the version that %s prints', (name, printed, version) => {
    expect(recipeOf(name).versionPattern.exec(printed)?.[1]).toBe(version);
  });
});

describe('pins', () => {
  const goMod = [
    'module sagamesh.dev/sandbox/x',
    'require example.org/one v1.2.3',
    'require (',
    '\texample.org/two v0.4.0 // indirect',
    ')',
    'replace example.org/three => example.org/fork v9.9.9',
  ].join('\n');

  it('reads the required version of a module, in a block or alone', () => {
    expect(pinnedVersion(goMod, 'example.org/one')).toBe('v1.2.3');
    expect(pinnedVersion(goMod, 'example.org/two')).toBe('v0.4.0');
  });

  it('knows no version of a module that is not required', () => {
    expect(pinnedVersion(goMod, 'example.org/three')).toBeUndefined();
  });

  it('tells a program its version through the variable that it names', () => {
    expect(linkerFlags(recipeOf('kube-score'), 'v1.20.0')).toBe('-s -w -X main.version=1.20.0');
  });

  it('names the release of Istio, which the commit that is pinned does not say', () => {
    expect(linkerFlags(recipeOf('istioctl'), 'v0.0.0-20260827124520-eed52ebb66ad')).toBe(
      '-s -w -X istio.io/istio/pkg/version.buildVersion=1.31-sagamesh',
    );
  });

  it('tells Kubernetes programs their version, and leaves the others alone', () => {
    const flags = linkerFlags(recipeOf('kubectl'), 'v1.35.4');
    expect(flags).toContain('-X k8s.io/component-base/version.gitVersion=v1.35.4');
    expect(flags).toContain('-X k8s.io/component-base/version.gitMinor=35');
    expect(linkerFlags(recipeOf('etcd'), 'v3.6.16')).toBe('-s -w');
  });
});
