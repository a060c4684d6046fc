import { describe, expect, test } from 'vitest';
import type { KubeClientOptions } from './api-call.ts';
import { createKubeClient, listAll } from './client.ts';
import { type KubeObject, keyOf, parseKey, resourcePath } from './kube-object.ts';
import { FakeApi } from './testing/fake-api.ts';
import { VirtualClock } from './testing/virtual-clock.ts';

const widgets = { group: 'kube.test', version: 'v1', plural: 'widgets' };
const ref = { namespace: 'ns', name: 'a' };

function setUp(options: KubeClientOptions = {}) {
  const clock = new VirtualClock();
  const api = new FakeApi();
  const codes: string[] = [];
  const observer = {
    requestDone: ({ method, code }: { readonly method: string; readonly code: string }) =>
      codes.push(`${method} ${code}`),
  };
  const client = createKubeClient(api.transport, { clock, random: () => 0, observer, ...options });
  return { clock, api, client, codes };
}

describe('paths', () => {
  test('core and group resources, namespaced or not, with a subresource', () => {
    expect(resourcePath({ group: '', version: 'v1', plural: 'pods' }, { namespace: 'ns' })).toBe(
      '/api/v1/namespaces/ns/pods',
    );
    expect(resourcePath(widgets, { ...ref, subresource: 'status' })).toBe(
      '/apis/kube.test/v1/namespaces/ns/widgets/a/status',
    );
    expect(resourcePath(widgets)).toBe('/apis/kube.test/v1/widgets');
  });

  test('a name cannot leave its place', () => {
    expect(resourcePath(widgets, { name: '../secrets?x=1' })).toBe(
      '/apis/kube.test/v1/widgets/..%2Fsecrets%3Fx%3D1',
    );
  });

  test('keys are reversible', () => {
    for (const one of [ref, { name: 'cluster-scoped' }]) expect(parseKey(keyOf(one))).toEqual(one);
  });
});

describe('time', () => {
  test('a request without an answer ends after 10 s, and the server is told', async () => {
    const { clock, api, client, codes } = setUp();
    api.fault = () => ({ kind: 'hang' });
    const call = client.create(widgets, 'ns', {}).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await call).toMatchObject({
      status: 0,
      reason: 'Timeout',
    });
    expect(codes).toEqual(['POST <error>']);
    expect(clock.pending).toBe(0);
  });

  test("the caller's signal ends a request at once and is not called a timeout", async () => {
    const { api, client } = setUp();
    api.fault = () => ({ kind: 'hang' });
    const controller = new AbortController();
    const call = client.get(widgets, ref, { signal: controller.signal }).catch((error: unknown) => error);
    controller.abort();
    expect(await call).toMatchObject({
      reason: 'Aborted',
    });
  });

  test('a watch outlives the request timeout', async () => {
    const { clock, api, client } = setUp();
    const controller = new AbortController();
    await client.watch(widgets, { resourceVersion: '97', timeoutSeconds: 300 }, controller.signal);
    await clock.advance(60_000);
    expect(api.watches.size).toBe(1);
    controller.abort();
    expect(api.watches.size).toBe(0);
  });

  test('beyond the burst requests wait for their token', async () => {
    const { clock, api, client } = setUp({ limiter: { qps: 10, burst: 3 } });
    await client.create(widgets, 'ns', { metadata: { name: 'a' } });
    const calls = Array.from({ length: 5 }, () => client.get(widgets, ref));
    await clock.advance(0);
    expect(api.requests).toHaveLength(3);
    await clock.advance(300);
    await Promise.all(calls);
    expect(api.requests).toHaveLength(6);
  });
});

describe('retries', () => {
  test('a read survives a lost connection and a 429 with Retry-After', async () => {
    const { clock, api, client, codes } = setUp();
    await client.create(widgets, 'ns', { metadata: { name: 'a' } });
    const faults = [
      { kind: 'unreachable' } as const,
      { kind: 'answer', status: 429, reason: 'TooManyRequests', retryAfter: '2' } as const,
    ];
    api.fault = () => faults.shift();
    const call = client.get(widgets, ref);
    await clock.advance(2_599);
    expect(codes.slice(1)).toEqual(['GET <error>', 'GET 429']);
    await clock.advance(1);
    expect((await call).metadata.name).toBe('a');
  });

  test('a read gives up after four tries', async () => {
    const { clock, api, client } = setUp();
    api.fault = () => ({ kind: 'unreachable' });
    const call = client.get(widgets, ref).catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(await call).toMatchObject({ reason: 'Unreachable' });
    expect(api.requests).toHaveLength(4);
  });

  test.each(['create', 'mergePatch', 'delete'] as const)(
    '%s is never repeated: it may have happened',
    async (verb) => {
      const { api, client } = setUp();
      api.fault = () => ({ kind: 'lostAnswer' });
      const call = {
        create: () => client.create(widgets, 'ns', { metadata: { name: 'a' } }),
        mergePatch: () => client.mergePatch(widgets, ref, {}),
        delete: () => client.delete(widgets, ref, {}),
      }[verb];
      await expect(call()).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
      expect(api.requests).toHaveLength(1);
    },
  );

  test('a read is not repeated without Retry-After, nor after a refusal', async () => {
    const { api, client } = setUp();
    api.fault = () => ({ kind: 'answer', status: 403, reason: 'Forbidden' });
    await expect(client.get(widgets, ref)).rejects.toMatchObject({ status: 403 });
    expect(api.requests).toHaveLength(1);
  });
});

test('an answer that is not JSON is an error of its own, not a crash', async () => {
  const { api, client } = setUp();
  api.fault = () => ({ kind: 'answer', status: 200, body: '{"metadata":' });
  await expect(client.get(widgets, ref)).rejects.toMatchObject({ status: 0, reason: 'BrokenAnswer' });
});

describe('listAll', () => {
  test('reads every page and only the first names a resourceVersion', async () => {
    const { api, client } = setUp();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(widgets, 'ns', { metadata: { name } });
    const page = await listAll<KubeObject>(client, widgets, {
      limit: 2,
      resourceVersion: '100',
      resourceVersionMatch: 'NotOlderThan',
    });
    expect(page.items.map((item) => item.metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    const lists = api.requestsTo('GET', 'widgets').map((request) => request.query.get('resourceVersion'));
    expect(lists).toEqual(['100', null, null]);
  });

  test('starts again in one piece when the continue token expires half-way', async () => {
    const { api, client } = setUp();
    for (const name of ['a', 'b', 'c']) await client.create(widgets, 'ns', { metadata: { name } });
    api.fault = (request) => {
      if (request.query.has('continue')) api.compact();
      return undefined;
    };
    const page = await listAll<KubeObject>(client, widgets, { limit: 1 });
    expect(page.items).toHaveLength(3);
    expect(page.resourceVersion).toBe(String(api.objects.version));
  });
});
