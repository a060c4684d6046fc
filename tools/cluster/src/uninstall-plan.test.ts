import { synthesize } from '@sagamesh/charts/synthesize';
import { describe, expect, it } from 'vitest';
import { foreignThings, knownKinds, objectsToRemove, openSagas } from './uninstall-plan.ts';

const saga = (name: string, status?: object) => ({
  metadata: { name, namespace: 'shop' },
  ...(status && { status }),
});

describe('what stands in the way of an uninstall', () => {
  it('is every saga without an outcome, by name and step', () => {
    const items = [
      saga('done', { outcome: 'Completed', currentStep: '' }),
      saga('undone', { outcome: 'Compensated' }),
      saga('running', { currentStep: 'processPayment' }),
      saga('fresh'),
    ];
    expect(openSagas({ items })).toEqual(['shop/running (at processPayment)', 'shop/fresh (not begun)']);
  });
});

describe('what is removed', () => {
  const resources = [
    'services              svc          v1                        true    Service',
    'deployments           deploy       apps/v1                   true    Deployment',
    'destinationrules      dr           networking.istio.io/v1    true    DestinationRule',
    'tokenreviews                       authentication.k8s.io/v1  false   TokenReview',
    '',
  ].join('\n');

  it('is of the kinds that the cluster knows, with any number of columns before them', () => {
    expect([...knownKinds(resources)]).toEqual([
      '/Service',
      'apps/Deployment',
      'networking.istio.io/DestinationRule',
      'authentication.k8s.io/TokenReview',
    ]);
  });

  it('is each object once, without namespaces, whichever environment it came from', () => {
    const installed = [...synthesize('kind'), ...synthesize('production')].flatMap(({ objects }) => objects);
    const removed = objectsToRemove(installed, knownKinds(resources));
    const names = removed.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('Deployment shop/order');
    expect(names).toContain('DestinationRule shop/order');
    expect(removed.map(({ kind }) => kind)).not.toContain('Namespace');
    expect(removed.map(({ kind }) => kind)).not.toContain('NetworkPolicy');
  });

  it('is no namespace that holds things of somebody else', () => {
    const label = { 'app.kubernetes.io/part-of': 'sagamesh' };
    const thing = (kind: string, name: string, labels: object = {}) => ({ kind, metadata: { name, labels } });
    const items = [
      thing('Deployment', 'order', label),
      thing('PersistentVolumeClaim', 'data-order-db-0', { app: 'order-db' }),
      thing('PersistentVolumeClaim', 'data-wiki-0', { app: 'wiki' }),
      thing('Secret', 'order-db'),
      thing('ConfigMap', 'kube-root-ca.crt'),
      thing('ConfigMap', 'wiki-settings'),
    ];
    expect(foreignThings({ items }, new Set(['order-db']))).toEqual([
      'PersistentVolumeClaim data-wiki-0',
      'Secret order-db',
      'ConfigMap wiki-settings',
    ]);
  });
});
