import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  apiServerArgs,
  auditPolicy,
  etcdArgs,
  groupsOf,
  kubeconfig,
  tokenFile,
} from './control-plane-files.ts';

describe('identities', () => {
  it('puts a service account into the groups Kubernetes gives it', () => {
    expect(groupsOf({ name: 'system:serviceaccount:shop:web', groups: ['extra'] })).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:shop',
      'extra',
    ]);
  });

  it('gives a person only the groups that were asked for', () => {
    expect(groupsOf({ name: 'ada' })).toEqual([]);
  });

  it('writes one token line per identity', () => {
    const text = tokenFile([{ name: 'admin', groups: ['system:masters', 'ops'] }, { name: 'ada' }], {
      admin: 'a1',
      ada: 'b2',
    });
    expect(text).toBe('a1,admin,admin,"system:masters,ops"\nb2,ada,ada,""\n');
  });
});

describe('kubeconfig', () => {
  it('carries server, CA and token of one identity', () => {
    const config: unknown = parse(
      kubeconfig({ url: 'https://127.0.0.1:1', caPem: 'PEM', identity: 'ada', token: 't' }),
    );
    expect(config).toMatchObject({
      clusters: [{ cluster: { server: 'https://127.0.0.1:1', 'certificate-authority-data': 'UEVN' } }],
      users: [{ name: 'ada', user: { token: 't' } }],
      contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'ada' } }],
      'current-context': 'sandbox',
    });
  });
});

describe('audit policy', () => {
  it('keeps bodies of what was asked for, and of nothing by default', () => {
    const levels = (text: string) => {
      const policy: { readonly rules: readonly { readonly level: string }[] } = parse(text);
      return policy.rules.map(({ level }) => level);
    };
    expect(levels(auditPolicy())).toEqual(['None', 'Metadata']);
    expect(levels(auditPolicy([{ group: '', resources: ['pods'] }]))).toEqual([
      'None',
      'Request',
      'Metadata',
    ]);
  });
});

describe('flags', () => {
  it('lets etcd skip fsync only when asked to', () => {
    const flags = { folder: '/d', clientUrl: 'http://127.0.0.1:2' };
    expect(etcdArgs({ ...flags, durable: true })).not.toContain('--unsafe-no-fsync');
    expect(etcdArgs({ ...flags, durable: false })).toContain('--unsafe-no-fsync');
  });

  it('keeps the API server on loopback with RBAC on', () => {
    const args = apiServerArgs({
      etcdUrl: 'http://127.0.0.1:2',
      port: 3,
      certFolder: '/c',
      tokenFile: '/t',
      serviceAccountKey: '/k',
      auditPolicy: '/p',
      auditLog: '/l',
    });
    expect(args).toContain('--bind-address=127.0.0.1');
    expect(args).toContain('--authorization-mode=RBAC');
  });
});
