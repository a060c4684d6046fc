import { describe, expect, it } from 'vitest';
import { objectFilesOf, objectKey, readObjects, unjudged } from './manifest-object.ts';
import { podsOf, prerequisitesOf } from './prerequisites.ts';

const yaml = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
# a comment alone is no object
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: nats, namespace: shop}
spec:
  template:
    metadata: {labels: {app: nats}}
    spec: {containers: [{name: nats, env: [{name: DEBUG, value: "yes"}]}], volumes: [{name: config}]}
  volumeClaimTemplates: [{metadata: {name: data}}]
`;
const objects = readObjects(yaml, 'test.yaml');
const set = { name: 'kind', objects };

describe('manifests', () => {
  it('are read as objects, and named by set, kind, namespace and name', () => {
    expect(objects.map(objectKey)).toEqual(['Namespace/-/shop', 'StatefulSet/shop/nats']);
    expect(objectFilesOf(set)[1]).toMatchObject({
      fileName: '001-StatefulSet-nats.yaml',
      objectId: 'kind/StatefulSet/shop/nats',
    });
  });

  it('keep a text that YAML 1.1 takes for a boolean', () => {
    expect(objectFilesOf(set)[1]?.text).toContain('value: "yes"');
  });

  it.each([
    ['a document that is no object', 'a: 1'],
    ['broken YAML', 'a: [1'],
    ['an object without a name', '{apiVersion: v1, kind: Service, metadata: {}}'],
  ])('are refused with their file when they have %s', (_, text) => {
    expect(() => readObjects(text, 'bad.yaml')).toThrow('bad.yaml');
  });

  it('that are in no set are told', () => {
    const [namespace] = objects;
    expect(unjudged([set], objects)).toEqual([]);
    expect(
      unjudged([{ name: 'kind', objects: namespace === undefined ? [] : [namespace] }], objects),
    ).toEqual(['StatefulSet/shop/nats']);
  });
});

describe('what controllers would make', () => {
  it('is a pod of each template, with the claims of a stateful set', () => {
    expect(podsOf(set)).toMatchObject([
      {
        ownerId: 'kind/StatefulSet/shop/nats',
        pod: {
          kind: 'Pod',
          metadata: { name: 'nats-0', namespace: 'shop', labels: { app: 'nats' } },
          spec: {
            volumes: [
              { name: 'config' },
              { name: 'data', persistentVolumeClaim: { claimName: 'data-nats-0' } },
            ],
          },
        },
      },
    ]);
  });

  it('is a service account in each namespace, made or only named', () => {
    const named = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x', namespace: 'other' } };
    expect(prerequisitesOf([...objects, named]).map(objectKey)).toEqual([
      'Namespace/-/shop',
      'Namespace/-/other',
      'ServiceAccount/shop/default',
      'ServiceAccount/other/default',
    ]);
  });
});
