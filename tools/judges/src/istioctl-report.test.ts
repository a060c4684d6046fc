import { describe, expect, it } from 'vitest';
import {
  analyzeFindings,
  istioctlVersion,
  skippedAnalyzers,
  validatedCount,
  validateFindings,
} from './istioctl-report.ts';

/** What the real istioctl printed, shortened. */

describe('istioctl analyze', () => {
  it('names the object of each message, whatever its level', () => {
    const json = JSON.stringify([
      {
        code: 'IST0133',
        documentationUrl: 'https://istio.io/v1.31/docs/reference/config/analysis/ist0133/',
        level: 'Warning',
        message: 'EnvoyFilter exposes internal implementation details',
        origin: 'EnvoyFilter shop/limits',
        reference: 'a.yaml:8',
      },
      {
        code: 'IST0102',
        level: 'Info',
        message: 'not enabled for Istio injection',
        origin: 'Namespace default',
      },
      { code: 'IST0119', level: 'Error', message: 'about no object' },
    ]);
    expect(analyzeFindings('kind', json)).toMatchObject([
      { check: 'IST0133', object: 'kind/EnvoyFilter/shop/limits' },
      {
        check: 'IST0102',
        object: 'kind/Namespace/-/default',
        message: 'Info: not enabled for Istio injection',
      },
      { check: 'IST0119', object: 'kind/Mesh/-/-' },
    ]);
  });

  it('tells which analyzers did not run', () => {
    const stderr = [
      'Analyzed resources in all namespaces',
      'Skipped analyzers:',
      '\t service.PortNameAnalyzer',
      '\t webhook.Analyzer',
      'Executed analyzers:',
      '\t annotations.K8sAnalyzer',
    ].join('\n');
    expect(skippedAnalyzers(stderr)).toEqual(['service.PortNameAnalyzer', 'webhook.Analyzer']);
    expect(skippedAnalyzers('Analyzed resources in all namespaces\nExecuted analyzers:\n\t a')).toEqual([]);
  });
});

describe('istioctl validate', () => {
  const bad = [
    'deployment "order/shop:" may not provide Istio metrics and telemetry labels: map["app":"order"].',
    'Error: 2 errors occurred:',
    '\t* Service/shop/order: service "order/shop/:" has an unnamed port. This is not recommended',
    '\t* DestinationRule/shop/order: cannot parse proto message: unknown field "intervall"',
    '',
  ].join('\n');

  it('names the object of each error and of each remark', () => {
    expect(
      validateFindings('kind', bad).map(({ object, message }) => [object, message.slice(0, 20)]),
    ).toEqual([
      ['kind/Deployment/shop/order', 'deployment "order/sh'],
      ['kind/Service/shop/order', 'service "order/shop/'],
      ['kind/DestinationRule/shop/order', 'cannot parse proto m'],
    ]);
  });

  it('counts the files that it finds valid, with warnings or without', () => {
    const good = [
      '"sets/kind/018.yaml" is valid',
      '"sets/kind/116.yaml" has warnings: ',
      '\t* EnvoyFilter/sagamesh-gateway/rate-limit: EnvoyFilter exposes internal implementation details that may change',
    ].join('\n');
    expect(validatedCount(good)).toBe(2);
    expect(validateFindings('kind', good)).toMatchObject([
      { check: 'envoy-filter', object: 'kind/EnvoyFilter/sagamesh-gateway/rate-limit' },
    ]);
  });
});

it('tells its own version', () => {
  expect(istioctlVersion('{"clientVersion": {"version": "1.31-x", "status": "unknown"}}')).toBe('1.31-x');
});
