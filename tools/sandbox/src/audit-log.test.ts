import { describe, expect, it } from 'vitest';
import { countByVerb, isWrite, parseAuditLine } from './audit-log.ts';

function line(verb: string, stage: string, objectRef?: Readonly<Record<string, string>>): string {
  return JSON.stringify({
    auditID: 'a1',
    stage,
    verb,
    user: { username: 'ada', groups: [] },
    userAgent: 'kubectl',
    objectRef,
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
    annotations: { 'authorization.k8s.io/decision': 'allow' },
  });
}

describe('audit log', () => {
  it('names a subresource behind its resource', () => {
    const ref = {
      resource: 'ordersagas',
      subresource: 'status',
      apiGroup: 'sagamesh.dev',
      namespace: 'shop',
      name: 'o1',
    };
    const record = parseAuditLine(line('patch', 'ResponseComplete', ref));
    expect(record).toMatchObject({
      verb: 'patch',
      user: 'ada',
      resource: 'ordersagas/status',
      name: 'o1',
      code: 200,
    });
  });

  it('reads requests that are about no resource', () => {
    expect(parseAuditLine(line('get', 'ResponseComplete')).resource).toBe('');
  });

  it('counts as writes what changes objects, once', () => {
    const ref = { resource: 'leases' };
    const records = [
      line('update', 'ResponseComplete', ref),
      line('update', 'ResponseStarted', ref),
      line('watch', 'ResponseComplete', ref),
      line('deletecollection', 'ResponseComplete', ref),
    ].map(parseAuditLine);
    expect(countByVerb(records.filter(isWrite))).toEqual({
      'update leases': 1,
      'deletecollection leases': 1,
    });
  });
});
