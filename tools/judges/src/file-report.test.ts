import { describe, expect, it } from 'vitest';
import { checkovReport, kubeScoreReport, trivyReport } from './file-report.ts';
import { objectFilesOf, readObjects } from './manifest-object.ts';

/** Reports of the real programs on this Deployment, cut to one rule each. */
const files = objectFilesOf({
  name: 'kind',
  objects: readObjects(
    '{apiVersion: apps/v1, kind: Deployment, metadata: {name: order, namespace: shop}}',
    'test',
  ),
});
const path = '000-Deployment-order.yaml';
const object = 'kind/Deployment/shop/order';

describe('a report of checkov', () => {
  const check = (id: string, name: string, result: string) => ({
    check_id: id,
    bc_check_id: null,
    check_name: name,
    check_result: { result, evaluated_keys: [] },
    code_block: null,
    file_path: `/sets/kind/${path}`,
    file_line_range: [2, 15],
    resource: 'Deployment.shop.order',
    severity: null,
    guideline: null,
  });
  const report = JSON.stringify({
    check_type: 'kubernetes',
    results: {
      passed_checks: [
        check('CKV_K8S_141', 'Ensure that the --read-only-port argument is set to 0', 'PASSED'),
      ],
      failed_checks: [check('CKV_K8S_12', 'Memory requests should be set', 'FAILED')],
      skipped_checks: [],
      parsing_errors: [],
    },
    summary: {
      passed: 1,
      failed: 1,
      skipped: 0,
      parsing_errors: 0,
      resource_count: 1,
      checkov_version: '3.3.30',
    },
  });

  it('is a finding per failed check, of the object whose file it names', () => {
    expect(checkovReport(report, files)).toEqual({
      objectsLookedAt: 1,
      findings: [{ judge: 'checkov', check: 'CKV_K8S_12', object, message: 'Memory requests should be set' }],
    });
  });

  it('counts no object when there was none of a kind that it knows', () => {
    const nothing = '{"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0}';
    expect(checkovReport(nothing, files)).toEqual({ objectsLookedAt: 0, findings: [] });
  });

  it('is a finding for a file that could not be read', () => {
    const broken = JSON.stringify({
      results: { passed_checks: [], failed_checks: [], parsing_errors: [`/sets/kind/${path}`] },
    });
    expect(checkovReport(broken, files).findings).toMatchObject([{ check: 'parsing', object }]);
  });
});

describe('a report of kube-score', () => {
  const one = (check: object) =>
    JSON.stringify([
      {
        object_name: 'Deployment/apps/v1/shop/order',
        type_meta: { kind: 'Deployment', apiVersion: 'apps/v1' },
        object_meta: { name: 'order', namespace: 'shop', creationTimestamp: null },
        checks: [
          {
            check: { name: 'Stable version', id: 'stable-version' },
            grade: 10,
            skipped: false,
            comments: null,
          },
          check,
        ],
        file_name: `/tmp/sets/kind/${path}`,
        file_row: 1,
      },
    ]);
  const resources = {
    check: { name: 'Container Resources', id: 'container-resources', target_type: 'Pod', optional: false },
    grade: 1,
    skipped: false,
    comments: [
      { path: 'order', summary: 'CPU limit is not set', description: 'Set resources.limits.cpu' },
      { path: 'order', summary: 'Memory limit is not set', description: 'Set resources.limits.memory' },
    ],
  };

  it('is a finding per comment', () => {
    expect(kubeScoreReport(one(resources), files)).toEqual({
      objectsLookedAt: 1,
      findings: [
        {
          judge: 'kube-score',
          check: 'container-resources',
          object,
          message: 'order: CPU limit is not set: Set resources.limits.cpu',
        },
        {
          judge: 'kube-score',
          check: 'container-resources',
          object,
          message: 'order: Memory limit is not set: Set resources.limits.memory',
        },
      ],
    });
  });

  it.each([
    ['a warning counts', { grade: 5 }, 2],
    ['what is almost well does not', { grade: 7 }, 0],
    ['what it left out does not', { skipped: true }, 0],
    ['a bad grade without a comment counts', { comments: null }, 1],
  ])('%s', (_, change, count) => {
    expect(kubeScoreReport(one({ ...resources, ...change }), files).findings).toHaveLength(count);
  });

  it('counts no object when there was none of a kind that it knows', () => {
    expect(kubeScoreReport('null\n', files)).toEqual({ objectsLookedAt: 0, findings: [] });
  });
});

describe('a report of trivy', () => {
  const report = JSON.stringify({
    SchemaVersion: 2,
    ArtifactType: 'filesystem',
    Results: [
      {
        Target: path,
        Class: 'config',
        Type: 'kubernetes',
        MisconfSummary: { Successes: 82, Failures: 1 },
        Misconfigurations: [
          {
            Type: 'Kubernetes Security Check',
            ID: 'KSV-0001',
            Title: 'Can elevate its own privileges',
            Message:
              "Container 'order' of Deployment 'order' should set 'securityContext.allowPrivilegeEscalation' to false",
            Severity: 'MEDIUM',
            Status: 'FAIL',
          },
        ],
      },
      {
        Target: 'other.yaml',
        Class: 'config',
        Type: 'kubernetes',
        MisconfSummary: { Successes: 99, Failures: 0 },
      },
    ],
  });

  it('is a finding per rule that failed, and counts files without one, too', () => {
    expect(trivyReport(report, files)).toEqual({
      objectsLookedAt: 2,
      findings: [
        {
          judge: 'trivy',
          check: 'KSV-0001',
          object,
          message:
            "MEDIUM: Container 'order' of Deployment 'order' should set 'securityContext.allowPrivilegeEscalation' to false",
        },
      ],
    });
  });

  it('counts nothing when it found nothing to look at', () => {
    expect(trivyReport('{"SchemaVersion": 2}', files)).toEqual({ objectsLookedAt: 0, findings: [] });
  });
});

it('a file that is nobody’s is still told', () => {
  const report =
    '{"Results": [{"Target": "x.yaml", "Misconfigurations": [{"ID": "K", "Severity": "LOW", "Message": "m"}]}]}';
  expect(trivyReport(report, files).findings[0]?.object).toBe('?/x.yaml');
});
