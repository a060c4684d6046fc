/**
 * What the kernel relies on the API server for. Run on the fake (unit) and on a real kube-apiserver (int), so that the fake cannot drift.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from './api-error.ts';
import { type KubeClient, createKubeClient, listAll } from './client.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { createElector } from './elector.ts';
import { createEventRecorder } from './event-recorder.ts';
import { type Informer, createInformer } from './informer.ts';
import type { KubeObject } from './kube-object.ts';
import type { Lease } from './lease.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { StoreChange } from './store.ts';
import type { Transport } from './transport.ts';

/** A namespaced custom resource with a status subresource and a free-form spec and status. */
export const widgets = { group: 'kube.test', version: 'v1', plural: 'widgets' };
const namespaces = { group: '', version: 'v1', plural: 'namespaces' };
const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const events = { group: 'events.k8s.io', version: 'v1', plural: 'events' };

type Widget = KubeObject & {
  readonly spec?: { readonly size?: number };
  readonly status?: { readonly seen?: number };
};
type Event = KubeObject & { readonly note?: string; readonly series?: { readonly count: number } };

export type Server = {
  readonly transport: Transport;
  /** Whose time it lives in; default: the system's. */
  readonly clock?: Clock;
  readonly stop: () => Promise<void>;
};

export function describeKernel(name: string, start: () => Promise<Server>): void {
  describe(`the kernel on ${name}`, () => {
    let server: Server;
    let client: KubeClient;
    let clock: Clock;
    let runs = 0;
    beforeAll(async () => {
      server = await start();
      clock = server.clock ?? systemClock;
      client = createKubeClient(server.transport, { limiter: 'off', clock });
    });
    afterAll(async () => {
      await server.transport.close();
      await server.stop();
    });

    /** Looks again and again, in the server's own time. */
    const eventually = async (look: () => unknown, check: (seen: unknown) => void): Promise<void> => {
      for (const endMillis = clock.now() + 5_000; ; await sleep(clock, 20)) {
        const seen = await look();
        try {
          return check(seen);
        } catch (error) {
          if (clock.now() > endMillis) throw error;
        }
      }
    };
    const newNamespace = async (): Promise<string> => {
      const namespace = `kernel-${(runs += 1)}`;
      await client.create(namespaces, undefined, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace },
      });
      return namespace;
    };
    const create = (namespace: string, widgetName: string, more: object = {}): Promise<Widget> => {
      const metadata = { name: widgetName, ...more };
      return client.create<Widget>(widgets, namespace, {
        apiVersion: 'kube.test/v1',
        kind: 'Widget',
        metadata,
        spec: { size: 1 },
      });
    };

    describe('optimistic concurrency', () => {
      test('a second create and a read of nothing are told apart', async () => {
        const namespace = await newNamespace();
        await create(namespace, 'a');
        expect(isAlreadyExists(await create(namespace, 'a').catch((error: unknown) => error))).toBe(true);
        const missing = client.get(widgets, { namespace, name: 'b' }).catch((error: unknown) => error);
        expect(isNotFound(await missing)).toBe(true);
      });

      const refused = (answers: readonly PromiseSettledResult<unknown>[]): boolean[] =>
        answers.map((answer) => answer.status === 'rejected' && isConflict(answer.reason));

      test('a patch, a status patch and a delete with an old resourceVersion are conflicts', async () => {
        const ref = { namespace: await newNamespace(), name: 'a' };
        const { resourceVersion } = (await create(ref.namespace, ref.name)).metadata;
        await client.mergePatch(widgets, ref, { spec: { size: 2 } });
        const answers = await Promise.allSettled([
          client.mergePatch(widgets, ref, { metadata: { resourceVersion }, spec: { size: 3 } }),
          client.mergePatchStatus(widgets, ref, { metadata: { resourceVersion }, status: { seen: 3 } }),
          client.delete(widgets, ref, { resourceVersion }),
        ]);
        expect(refused(answers)).toEqual([true, true, true]);
        expect(await client.get<Widget>(widgets, ref)).toMatchObject({ spec: { size: 2 } });
      });

      test('the uid of a predecessor makes a patch or a delete a conflict, but does not guard a status patch', async () => {
        const ref = { namespace: await newNamespace(), name: 'a' };
        const { uid } = (await create(ref.namespace, ref.name)).metadata;
        await client.delete(widgets, ref, { uid });
        await create(ref.namespace, ref.name);
        const answers = await Promise.allSettled([
          client.mergePatch(widgets, ref, { metadata: { uid }, spec: { size: 3 } }),
          client.delete(widgets, ref, { uid }),
          client.mergePatchStatus(widgets, ref, { metadata: { uid }, status: { seen: 3 } }),
        ]);
        expect(refused(answers)).toEqual([true, true, false]);
        expect((await client.get<Widget>(widgets, ref)).spec?.size).toBe(1);
      });

      test('versions grow, and a patch that changes nothing makes none', async () => {
        const ref = { namespace: await newNamespace(), name: 'a' };
        const first = await create(ref.namespace, ref.name);
        const second = await client.mergePatch<Widget>(widgets, ref, { spec: { size: 2 } });
        const third = await client.mergePatch<Widget>(widgets, ref, { spec: { size: 2 } });
        expect(
          compareResourceVersions(second.metadata.resourceVersion, first.metadata.resourceVersion),
        ).toBeGreaterThan(0);
        expect(third.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
      });
    });

    test('spec and status are apart, and only the spec has generations', async () => {
      const ref = { namespace: await newNamespace(), name: 'a' };
      await create(ref.namespace, ref.name);
      const withStatus = await client.mergePatchStatus<Widget>(widgets, ref, {
        spec: { size: 9 },
        status: { seen: 1 },
      });
      expect(withStatus).toMatchObject({
        spec: { size: 1 },
        status: { seen: 1 },
        metadata: { generation: 1 },
      });
      const withSpec = await client.mergePatch<Widget>(widgets, ref, {
        spec: { size: 2 },
        status: { seen: 9 },
      });
      expect(withSpec).toMatchObject({ spec: { size: 2 }, status: { seen: 1 }, metadata: { generation: 2 } });
    });

    test('a finalizer holds a deleted object until it is removed', async () => {
      const ref = { namespace: await newNamespace(), name: 'a' };
      const made = await create(ref.namespace, ref.name, { finalizers: ['kube.test/hold'] });
      await client.delete(widgets, ref, { uid: made.metadata.uid });
      const held = await client.get<Widget>(widgets, ref);
      expect(held.metadata).toMatchObject({ deletionTimestamp: expect.any(String), generation: 2 });
      const late = await client
        .mergePatch(widgets, ref, { metadata: { finalizers: ['kube.test/hold', 'kube.test/late'] } })
        .catch((error: unknown) => error);
      expect(isInvalid(late)).toBe(true);
      const last = await client.mergePatch<Widget>(widgets, ref, {
        metadata: { uid: made.metadata.uid, finalizers: null },
      });
      expect([last.metadata.finalizers ?? [], last.metadata.deletionTimestamp]).toEqual([
        [],
        held.metadata.deletionTimestamp,
      ]);
      expect(isNotFound(await client.get(widgets, ref).catch((error: unknown) => error))).toBe(true);
    });

    test('a long list comes in pages of one version', async () => {
      const namespace = await newNamespace();
      for (const one of ['a', 'b', 'c', 'd', 'e']) await create(namespace, one);
      const first = await client.listPage<Widget>(widgets, { namespace, limit: 2 });
      expect(first.items).toHaveLength(2);
      await create(namespace, 'f');
      const rest = await client.listPage<Widget>(widgets, {
        namespace,
        limit: 9,
        continueToken: first.continueToken,
      });
      expect(rest.items.map((item) => item.metadata.name)).toEqual(['c', 'd', 'e']);
      expect(rest.resourceVersion).toBe(first.resourceVersion);
      const whole = await listAll<Widget>(client, widgets, { namespace, limit: 2 });
      expect(whole.items).toHaveLength(6);
    });

    describe('an informer', () => {
      const opened: Informer<Widget>[] = [];
      afterAll(() => Promise.all(opened.map((one) => one.stop())));
      const follow = async (namespace: string) => {
        const changes: StoreChange<Widget>[] = [];
        const options = {
          client,
          clock,
          resource: widgets,
          namespaces: [namespace],
          transform: (raw: KubeObject): Widget => raw,
        };
        const informer = createInformer<Widget>({
          ...options,
          onChange: (change) => changes.push(change),
          pageSize: 2,
        });
        opened.push(informer);
        informer.start();
        expect(await informer.waitForSync()).toBe(true);
        const told = (): string[] =>
          changes.map((change) => `${change.kind} ${change.object.metadata.name} ${change.source}`);
        return { informer, changes, told };
      };

      test('knows what was there and hears what comes', async () => {
        const namespace = await newNamespace();
        for (const one of ['a', 'b', 'c']) await create(namespace, one);
        const { informer, told } = await follow(namespace);
        expect(informer.store.size).toBe(3);
        await client.mergePatch(widgets, { namespace, name: 'a' }, { spec: { size: 5 } });
        await client.delete(widgets, { namespace, name: 'b' }, {});
        await eventually(
          () => told().slice(3),
          (seen) => expect(seen).toEqual(['updated a watch', 'deleted b watch']),
        );
        expect(informer.store.get(`${namespace}/a`)?.spec?.size).toBe(5);
        expect(informer.store.get(`${namespace}/c`)?.metadata).not.toHaveProperty('managedFields');
      });

      test('sees our own writes at once, and their echo changes nothing', async () => {
        const namespace = await newNamespace();
        const { informer, told } = await follow(namespace);
        informer.store.observeWrite(await create(namespace, 'a'));
        expect(informer.store.get(`${namespace}/a`)?.spec?.size).toBe(1);
        informer.store.observeWrite(
          await client.mergePatch<Widget>(widgets, { namespace, name: 'a' }, { spec: { size: 2 } }),
        );
        expect(informer.store.get(`${namespace}/a`)?.spec?.size).toBe(2);
        await create(namespace, 'last');
        await eventually(
          () => told().includes('added last watch'),
          (seen) => expect(seen).toBe(true),
        );
        expect(told().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
          'added a',
          'updated a',
          'added last',
        ]);
      });

      test('removing the last finalizer ourselves empties the cache for good', async () => {
        const ref = { namespace: await newNamespace(), name: 'a' };
        const { informer, told } = await follow(ref.namespace);
        informer.store.observeWrite(
          await create(ref.namespace, ref.name, { finalizers: ['kube.test/hold'] }),
        );
        await client.delete(widgets, ref, {});
        const last = await client.mergePatch<Widget>(widgets, ref, { metadata: { finalizers: null } });
        informer.store.observeWrite(last);
        expect(informer.store.size).toBe(0);
        await create(ref.namespace, 'later');
        await eventually(
          () => informer.store.get(`${ref.namespace}/later`) !== undefined,
          (seen) => expect(seen).toBe(true),
        );
        informer.store.observeWrite(last);
        expect(informer.store.get(`${ref.namespace}/a`)).toBeUndefined();
        expect(told().filter((line) => line.startsWith('deleted'))).toHaveLength(1);
      });
    });

    test('of two electors one leads, and hands over when it stops', async () => {
      const namespace = await newNamespace();
      const reserved = createKubeClient(server.transport, { limiter: 'off', lane: 'reserved', clock });
      const timing = { leaseDurationMillis: 3_000, renewDeadlineMillis: 2_000, retryPeriodMillis: 100 };
      const lost: string[] = [];
      const [a, b] = ['a', 'b'].map((identity) =>
        createElector({
          client: reserved,
          namespace,
          name: 'main',
          identity,
          timing,
          clock,
          onLost: (reason) => lost.push(reason),
        }),
      );
      if (a === undefined || b === undefined) throw new Error('unreachable');
      a.start();
      expect(await a.waitUntilLeader()).toBe(true);
      b.start();
      const renewedAt = async (): Promise<string | undefined> =>
        (await client.get<Lease>(leases, { namespace, name: 'main' })).spec?.renewTime;
      const before = await renewedAt();
      await eventually(renewedAt, (seen) => expect(seen).not.toBe(before));
      expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
      await a.stop();
      expect(await b.waitUntilLeader()).toBe(true);
      await b.stop();
      expect((await client.get<Lease>(leases, { namespace, name: 'main' })).spec?.holderIdentity).toBe('');
      expect(lost).toEqual([]);
    });

    test('an Event and its repetition are accepted as one that counts', async () => {
      const namespace = await newNamespace();
      const made = await create(namespace, 'a');
      const dropped: unknown[] = [];
      const recorder = createEventRecorder({
        client,
        clock,
        reportingController: 'kube.test/operator',
        reportingInstance: 'pod-1',
        observer: { sent: () => undefined, dropped: (_reason, error) => dropped.push(error) },
      });
      const regarding = {
        apiVersion: 'kube.test/v1',
        kind: 'Widget',
        namespace,
        name: 'a',
        uid: made.metadata.uid,
      };
      const event = {
        regarding,
        type: 'Warning' as const,
        reason: 'StepFailed',
        action: 'RunStep',
        note: '€'.repeat(800),
      };
      recorder.record(event);
      const read = (): Promise<readonly Event[]> =>
        listAll<Event>(client, events, { namespace }).then((page) => page.items);
      await eventually(
        async () => (await read()).length,
        (seen) => expect(seen).toBe(1),
      );
      recorder.record(event);
      await eventually(
        async () => (await read())[0]?.series?.count,
        (seen) => expect(seen).toBe(2),
      );
      recorder.record(event);
      await recorder.stop(5_000);
      expect((await read()).map((one) => one.series?.count)).toEqual([3]);
      expect(dropped).toEqual([]);
    });
  });
}
