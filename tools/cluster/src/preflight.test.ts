import { describe, expect, it } from 'vitest';
import { judgePreflight } from './preflight.ts';
import type { PreflightFacts } from './preflight.ts';

const said = (stdout: string) => ({ code: 0, stdout, stderr: '' });
const absent = { code: 127, stdout: '', stderr: 'spawn ENOENT\n' };
const istio = (version: string) => said(JSON.stringify({ clientVersion: { version } }));
const info = { ServerVersion: '28.2.2', MemTotal: 8 * 1024 ** 3, NCPU: 2 };

const fine: PreflightFacts = {
  docker: said(JSON.stringify(info)),
  kind: said('0.33.0'),
  kubectl: said('Client Version: v1.35.4'),
  istioctl: istio('1.31.0'),
  istioctlPath: 'istioctl',
  clusterExists: false,
  takenPorts: [],
};
const judge = (change: Partial<PreflightFacts>) => judgePreflight({ ...fine, ...change });

describe('the preflight', () => {
  it('is content with two cores, 8 GiB, and Istio 1.30 or 1.31', () => {
    expect(judge({})).toEqual({ problems: [], warnings: [], istioctlVersion: '1.31.0' });
    expect(judge({ istioctl: istio('1.30.3') })).toMatchObject({ problems: [], warnings: [] });
  });

  it.each<[string, Partial<PreflightFacts>, string]>([
    ['Docker is missing', { docker: absent }, 'install Docker Engine'],
    [
      'no daemon answers',
      { docker: { code: 1, stdout: '{"ServerVersion":""}', stderr: 'Cannot connect\n' } },
      'start it',
    ],
    ['kind is missing', { kind: absent }, 'https://kind.sigs.k8s.io'],
    ['kubectl is missing', { kubectl: absent }, 'https://kubernetes.io/docs/tasks/tools'],
    ['istioctl is missing', { istioctl: absent }, 'ISTIOCTL=/path/to/istioctl'],
    [
      'istioctl fails',
      { istioctl: { code: 2, stdout: '', stderr: 'exec format error' } },
      'exec format error',
    ],
    ['Istio is too old', { istioctl: istio('1.29.4') }, '1.30 or 1.31 is needed'],
    ['a port is taken', { takenPorts: [30_080] }, 'Port 30080'],
  ])('names one problem with a way out when %s', (_what, change, wayOut) => {
    expect(judge(change).problems).toEqual([expect.stringContaining(wayOut)]);
  });

  it('does not mind ports that its own cluster has', () => {
    expect(judge({ takenPorts: [30_080], clusterExists: true }).problems).toEqual([]);
  });

  it('warns of what may be too little or too new', () => {
    const small = said(JSON.stringify({ ...info, MemTotal: 4 * 1024 ** 3, NCPU: 1 }));
    expect(judge({ docker: small }).warnings).toHaveLength(2);
    expect(judge({ istioctl: istio('1.32.0') }).warnings).toEqual([expect.stringContaining('newer')]);
    expect(judge({ istioctl: istio('unknown') }).warnings).toEqual([expect.stringContaining('unknown')]);
  });
});
