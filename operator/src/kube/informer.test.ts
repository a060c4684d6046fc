import { describe, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { createInformer } from './informer.ts';
import type { KubeObject } from './kube-object.ts';
import type { StoreChange } from './store.ts';
import { FakeApi } from './testing/fake-api.ts';
import type { FakeWatch } from './testing/fake-watch.ts';
import { VirtualClock, settle } from './testing/virtual-clock.ts';

const widgets = { group: 'kube.test', version: 'v1', plural: 'widgets' };

function setUp(options: { readonly namespaces?: readonly string[] } = {}) {
  const clock = new VirtualClock();
  const api = new FakeApi();
  const client = createKubeClient(api.transport, { clock, random: () => 0, limiter: 'off' });
  const changes: StoreChange<KubeObject>[] = [];
  const failures: string[] = [];
  const gaps: number[] = [];
  /** What was read, and what was known of it by then. */
  const read: string[] = [];
  const informer = createInformer<KubeObject>({
    client,
    resource: widgets,
    namespaces: options.namespaces ?? [],
    transform: (raw, known) => {
      read.push(`${raw.metadata.resourceVersion} over ${known?.metadata.resourceVersion ?? 'nothing'}`);
      return raw;
    },
    onChange: (change) => changes.push(change),
    clock,
    random: () => 0,
    pageSize: 2,
    observer: {
      listed: () => undefined,
      watchStarted: ({ gapMillis }) => gaps.push(gapMillis),
      failed: ({ stage }) => failures.push(stage),
    },
  });
  const create = (name: string, namespace = 'ns') =>
    client.create<KubeObject>(widgets, namespace, { metadata: { name }, spec: {} });
  const names = (): string[] => [...informer.store.values()].map((object) => object.metadata.name).toSorted();
  const lists = (): (string | null)[] =>
    api
      .requestsTo('GET', 'widgets')
      .filter((one) => !one.query.has('watch') && !one.query.has('continue'))
      .map((one) => one.query.get('resourceVersion'));
  const watchedFrom = (): (string | null)[] =>
    api
      .requestsTo('GET', 'widgets')
      .filter((one) => one.query.has('watch'))
      .map((one) => one.query.get('resourceVersion'));
  const watch = (): FakeWatch => {
    const [first] = api.watches;
    if (first === undefined) throw new Error('nobody watches');
    return first;
  };
  return {
    clock,
    api,
    client,
    informer,
    read,
    changes,
    failures,
    gaps,
    create,
    names,
    lists,
    watchedFrom,
    watch,
  };
}

describe('a quiet life', () => {
  test('lists every page, then watches from there with bookmarks and a time limit', async () => {
    const { api, informer, create, names, changes } = setUp();
    for (const name of ['a', 'b', 'c']) await create(name);
    expect(informer.hasSynced()).toBe(false);
    informer.start();
    expect(await informer.waitForSync()).toBe(true);
    await settle();
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(changes.every((change) => change.initial && change.source === 'list')).toBe(true);
    const watch = api.requestsTo('GET', 'widgets').at(-1);
    expect(Object.fromEntries(watch?.query ?? [])).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '100',
      timeoutSeconds: '300',
    });
    expect(watch?.lane).toBe('reserved');
  });

  test('events arrive as changes with the object before', async () => {
    const { client, informer, create, changes } = setUp();
    informer.start();
    await informer.waitForSync();
    await settle();
    await create('a');
    await client.mergePatch(widgets, { namespace: 'ns', name: 'a' }, { spec: { size: 2 } });
    await client.delete(widgets, { namespace: 'ns', name: 'a' }, {});
    await settle();
    expect(
      changes.map((change) => `${change.kind} ${change.key} ${change.source} ${change.initial}`),
    ).toEqual(['added ns/a watch false', 'updated ns/a watch false', 'deleted ns/a watch false']);
    const updated = changes[1];
    expect(updated?.kind === 'updated' && updated.previous.metadata.generation).toBe(1);
  });

  test('the echo of our own write is not read again, and the next watch begins behind it', async () => {
    const { clock, client, informer, create, read, watch, watchedFrom } = setUp();
    const ref = { namespace: 'ns', name: 'a' };
    informer.start();
    await informer.waitForSync();
    await create('a');
    await settle();
    watch().end();
    await settle();
    watch().cut();
    informer.store.observeWrite(await client.mergePatch<KubeObject>(widgets, ref, { spec: { size: 2 } }));
    await clock.advance(5_000);
    await client.mergePatch(widgets, ref, { spec: { size: 3 } });
    await settle();
    expect(read).toEqual(['98 over nothing', '100 over 99']);
    watch().end();
    await clock.advance(5_000);
    expect(watchedFrom()).toEqual(['97', '98', '98', '100']);
  });

  test('managedFields and last-applied are not kept, other annotations are', async () => {
    const { client, informer } = setUp();
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'yes' };
    await client.create(widgets, 'ns', { metadata: { name: 'a', annotations } });
    informer.start();
    await informer.waitForSync();
    const metadata = informer.store.get('ns/a')?.metadata;
    expect(metadata?.annotations).toEqual({ mine: 'yes' });
    expect(metadata).not.toHaveProperty('managedFields');
  });

  test('a watch that ends after its time is opened again from the last bookmark, without a list', async () => {
    const { clock, informer, watch, lists, watchedFrom, failures } = setUp();
    informer.start();
    for (let minute = 0; minute < 5; minute += 1) {
      await clock.advance(60_000);
      watch().bookmark(150);
    }
    watch().end();
    await clock.advance(0);
    expect(watchedFrom()).toEqual(['97', '150']);
    expect(lists()).toEqual([null]);
    expect(failures).toEqual([]);
  });

  test('several namespaces: one list and one watch each, others stay out', async () => {
    const { api, informer, create, names } = setUp({ namespaces: ['one', 'two'] });
    await create('a', 'one');
    await create('b', 'two');
    await create('c', 'three');
    informer.start();
    await informer.waitForSync();
    await settle();
    expect(names()).toEqual(['a', 'b']);
    expect(api.watches.size).toBe(2);
    await create('d', 'two');
    await create('e', 'three');
    await settle();
    expect(names()).toEqual(['a', 'b', 'd']);
  });

  test('start three times is start once; stop ends everything and leaves no timer', async () => {
    const { clock, api, informer } = setUp();
    for (let i = 0; i < 3; i += 1) informer.start();
    await clock.advance(0);
    expect(api.watches.size).toBe(1);
    await informer.stop();
    expect(clock.pending).toBe(0);
    informer.start();
    await clock.advance(600_000);
    expect(api.watches.size).toBe(0);
  });

  test('stop during the backoff opens no other watch', async () => {
    const { clock, api, informer } = setUp();
    api.fault = () => ({ kind: 'answer', status: 500, reason: 'InternalError' });
    informer.start();
    await clock.advance(100);
    const before = api.requests.length;
    await informer.stop();
    await clock.advance(600_000);
    expect(api.requests).toHaveLength(before);
    expect(await informer.waitForSync()).toBe(false);
  });
});

describe('trouble', () => {
  test('a failed first list is tried again with growing waits', async () => {
    const { clock, api, informer, create, failures } = setUp();
    await create('a');
    api.fault = () => ({ kind: 'answer', status: 500, reason: 'InternalError' });
    informer.start();
    await clock.advance(800 + 1_600 + 3_200);
    expect(failures).toEqual(['list', 'list', 'list', 'list']);
    api.fault = () => undefined;
    await clock.advance(6_400);
    expect(informer.hasSynced()).toBe(true);
  });

  test('events before the break in the same piece are kept', async () => {
    const { clock, api, informer, create, watch, watchedFrom, names } = setUp();
    informer.start();
    await clock.advance(0);
    await create('a');
    watch().sendText('{"type":');
    watch().end();
    await clock.advance(800);
    expect(names()).toEqual(['a']);
    expect(watchedFrom()).toEqual(['97', String(api.objects.version)]);
  });

  test.each([
    { reason: 'a refused watch', retryAfter: undefined, waitMillis: 800 },
    { reason: "the server's Retry-After, when it is longer", retryAfter: '7', waitMillis: 7_000 },
  ])('429: waits for $reason', async ({ retryAfter, waitMillis }) => {
    const { clock, api, informer, watchedFrom, lists, watch } = setUp();
    informer.start();
    await clock.advance(60_000);
    api.fault = () => ({
      kind: 'answer',
      status: 429,
      reason: 'TooManyRequests',
      ...(retryAfter === undefined ? {} : { retryAfter }),
    });
    watch().bookmark(100);
    await clock.advance(0);
    watch().end();
    await clock.advance(waitMillis - 1);
    api.fault = () => undefined;
    expect(watchedFrom()).toHaveLength(2);
    await clock.advance(1);
    expect(watchedFrom()).toEqual(['97', '100', '100']);
    expect(lists()).toHaveLength(1);
  });

  test('bookmarks keep a quiet watch alive', async () => {
    const { clock, informer, watch, watchedFrom } = setUp();
    informer.start();
    for (let minute = 0; minute < 4; minute += 1) {
      await clock.advance(60_000);
      watch().bookmark(97);
    }
    expect(watchedFrom()).toHaveLength(1);
  });

  test('a handler that throws stops nothing', async () => {
    const clock = new VirtualClock();
    const api = new FakeApi();
    const client = createKubeClient(api.transport, { clock, limiter: 'off' });
    const failures: string[] = [];
    const informer = createInformer<KubeObject>({
      client,
      resource: widgets,
      namespaces: [],
      transform: (raw) => raw,
      onChange: () => {
        throw new Error('handler bug');
      },
      clock,
      observer: {
        listed: () => undefined,
        watchStarted: () => undefined,
        failed: ({ stage }) => failures.push(stage),
      },
    });
    informer.start();
    await clock.advance(0);
    for (const name of ['a', 'b']) await client.create(widgets, 'ns', { metadata: { name } });
    await settle();
    expect([...informer.store.values()].map((object) => object.metadata.name)).toEqual(['a', 'b']);
    expect(failures).toEqual(['handler', 'handler']);
  });
});

test('the first contact, and every later sign of life, is known', async () => {
  const { clock, informer, watch } = setUp();
  expect(informer.lastContactMillis()).toBeUndefined();
  informer.start();
  await clock.advance(30_000);
  expect(informer.lastContactMillis()).toBe(1_000);
  watch().bookmark(97);
  await clock.advance(0);
  expect(informer.lastContactMillis()).toBe(31_000);
});
