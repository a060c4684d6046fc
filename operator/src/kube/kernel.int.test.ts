import { type ControlPlane, startControlPlane } from '@sagamesh/sandbox/control-plane';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isInvalid } from './api-error.ts';
import { createKubeClient } from './client.ts';
import { loadClusterAccess } from './cluster-access.ts';
import { createInformer } from './informer.ts';
import { describeKernel, widgets } from './kernel.behaviour.ts';
import type { KubeObject } from './kube-object.ts';
import { describeMisbehaviour } from './misbehaviour.behaviour.ts';
import { realStage } from './testing/stage.ts';
import { type Transport, createTransport } from './transport.ts';

const crds = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
const openObject = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const widgetCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.kube.test' },
  spec: {
    group: 'kube.test',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { ...openObject, properties: { size: { type: 'integer' } } },
              status: openObject,
            },
          },
        },
      },
    ],
  },
};

let dataDir: DataDir;
let plane: ControlPlane;
/** One for all stages: what breaks is on the stage's own wire. */
let shared: Transport;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  plane = await startControlPlane({ dataDir, durable: false });
  const transport = createTransport(loadClusterAccess({ kubeconfig: plane.adminKubeconfig }));
  const client = createKubeClient(transport);
  await client.create(crds, undefined, widgetCrd);
  await vi.waitFor(() => client.listPage(widgets, {}), { timeout: 20_000 });
  await transport.close();
  shared = open();
});

afterAll(async () => {
  await shared.close();
  await plane.stop();
  dataDir.close({ remove: true });
});

const open = () => createTransport(loadClusterAccess({ kubeconfig: plane.adminKubeconfig }));

describeKernel('a real kube-apiserver', () =>
  Promise.resolve({ transport: open(), stop: () => Promise.resolve() }),
);

describeMisbehaviour('a real kube-apiserver', () => realStage(shared));

describe('only on a real server', () => {
  test('a refusal names the field', async () => {
    const transport = open();
    const client = createKubeClient(transport);
    const body = {
      apiVersion: 'kube.test/v1',
      kind: 'Widget',
      metadata: { name: 'a' },
      spec: { size: 'big' },
    };
    const error = await client.create(widgets, 'default', body).catch((thrown: unknown) => thrown);
    expect(isInvalid(error)).toBe(true);
    expect(error).toMatchObject({ status: 422, causes: [{ field: 'spec.size' }] });
    await transport.close();
  });

  test('an informer survives a killed API server and misses nothing', async () => {
    const transport = open();
    const client = createKubeClient(transport);
    const lists: number[] = [];
    const informer = createInformer<KubeObject>({
      client,
      resource: widgets,
      namespaces: ['default'],
      transform: (raw) => raw,
      onChange: () => undefined,
      observer: {
        listed: ({ items }) => lists.push(items),
        watchStarted: () => undefined,
        failed: () => undefined,
      },
    });
    const make = (name: string) =>
      client.create<KubeObject>(widgets, 'default', {
        apiVersion: 'kube.test/v1',
        kind: 'Widget',
        metadata: { name },
      });
    informer.start();
    await informer.waitForSync();
    await make('before');
    await expect.poll(() => informer.store.get('default/before') !== undefined).toBe(true);
    await plane.apiServer.kill();
    await plane.apiServer.start();
    await make('after');
    await expect
      .poll(() => informer.store.get('default/after') !== undefined, { timeout: 30_000 })
      .toBe(true);
    // A new server has no history to watch from: it says 410 once, and one list follows.
    expect(lists.length).toBeLessThanOrEqual(2);
    await informer.stop();
    await transport.close();
  });
});
