import { describeKernel, widgets } from '@sagamesh/operator/kube/kernel.behaviour';
import { createKubeClient } from '@sagamesh/operator/kube/client';
import type { KubeClient } from '@sagamesh/operator/kube/client';
import { createInformer } from '@sagamesh/operator/kube/informer';
import type { KubeObject } from '@sagamesh/operator/kube/kube-object';
import { describe, expect, it } from 'vitest';
import type { Fault, MomentFaultKind, WindowFaultKind } from '../kernel/fault.ts';
import { Host } from '../kernel/host.ts';
import type { SimProcess } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { pump } from '../testing/pump.ts';
import { SimApi } from './api.ts';

function start(seed: number) {
  const sim = new Sim({ seed });
  const api = new SimApi(sim);
  let process: SimProcess | undefined;
  const program = (one: SimProcess): void => {
    process = one;
  };
  const host = new Host({ sim, name: 'client', role: 'client', program });
  host.start();
  if (process === undefined) throw new Error('it did not start');
  return { sim, api, host, process };
}

describeKernel('the API server of the simulation', () => {
  const { sim, api, process } = start(1);
  return Promise.resolve({ transport: api.connect(process), clock: process.clock, stop: pump(sim) });
});

const ref = { namespace: 'shop', name: 'a' };
const widget = { apiVersion: 'kube.test/v1', kind: 'Widget', metadata: { name: 'a' }, spec: { size: 1 } };

type WindowFault = Extract<Fault, { readonly probability: number }>;

function always(kind: WindowFaultKind, atMillis = 1_000, forMillis = 60_000): WindowFault {
  return { kind, atMillis, forMillis, probability: 1 };
}

function once(kind: MomentFaultKind, atMillis: number): Fault {
  return { kind, atMillis };
}

/** A client and an informer on widgets, with one widget that is there from the beginning. */
async function setUp(faults: readonly Fault[], seed = 7) {
  const { sim, api, host, process } = start(seed);
  const { clock } = process;
  const random = (): number => process.random.next();
  const client = createKubeClient(api.connect(process), { limiter: 'off', clock, random });
  const lists: number[] = [];
  const failures: string[] = [];
  const versions: string[] = [];
  const informer = createInformer<KubeObject>({
    client,
    resource: widgets,
    namespaces: [],
    transform: (raw) => raw,
    onChange: ({ object }) => versions.push(object.metadata.resourceVersion),
    clock,
    random,
    observer: {
      listed: ({ items }) => lists.push(items),
      watchStarted: () => undefined,
      failed: ({ stage }) => failures.push(stage),
    },
  });
  sim.faults.plan(faults);
  void client.create(widgets, 'shop', widget);
  sim.after(100, () => informer.start());
  await sim.runUntil(500);
  return { sim, api, host, client, informer, lists, failures, versions };
}

const inOrder = (versions: readonly string[]): string[] => versions.toSorted((a, b) => Number(a) - Number(b));

type World = Awaited<ReturnType<typeof setUp>>;

/** What becomes of a call that begins at the given virtual time; undefined: nothing yet. */
async function callAt(world: World, atMillis: number, call: (client: KubeClient) => Promise<unknown>) {
  const answers: unknown[] = [];
  world.sim.after(atMillis - world.sim.nowMillis, () => {
    call(world.client).then(
      (value) => answers.push(value),
      (error: unknown) => answers.push(error),
    );
  });
  await world.sim.runUntil(atMillis + 15_000);
  return answers[0];
}

const resize = (size: number) => (client: KubeClient) => client.mergePatch(widgets, ref, { spec: { size } });

function stored({ api }: World): unknown {
  return api.list('apis/kube.test/v1/widgets')[0]?.['spec'];
}

function bitten({ sim }: World, kind: Fault['kind']): number {
  return sim.faults.bitten.get(kind) ?? 0;
}

describe('a write at the API server of the simulation', () => {
  it('loses a race against a change that means nothing', async () => {
    const world = await setUp([always('api.conflict')]);
    const { resourceVersion } = world.informer.store.get('shop/a')?.metadata ?? {};
    const answer = await callAt(world, 2_000, (client) =>
      client.mergePatch(widgets, ref, { metadata: { resourceVersion }, spec: { size: 2 } }),
    );
    expect(answer).toMatchObject({ status: 409, reason: 'Conflict' });
    expect(stored(world)).toEqual({ size: 1 });
    expect(world.informer.store.get('shop/a')?.metadata).toMatchObject({ generation: 1 });
    expect(world.informer.store.get('shop/a')?.metadata.resourceVersion).not.toBe(resourceVersion);
    expect(bitten(world, 'api.conflict')).toBe(1);
  });

  it('cannot lose a race when it names no version', async () => {
    const world = await setUp([always('api.conflict')]);
    await callAt(world, 2_000, resize(2));
    expect([stored(world), bitten(world, 'api.conflict')]).toEqual([{ size: 2 }, 0]);
  });

  it('is told to come back later', async () => {
    const world = await setUp([always('api.tooManyRequests')]);
    const answer = await callAt(world, 2_000, resize(2));
    expect(answer).toMatchObject({ status: 429, retryAfterMillis: expect.any(Number) });
    expect([stored(world), bitten(world, 'api.tooManyRequests')]).toEqual([{ size: 1 }, 1]);
  });

  it('meets a server that is broken', async () => {
    const world = await setUp([always('api.serverError')]);
    expect(await callAt(world, 2_000, resize(2))).toMatchObject({ status: 500 });
    expect([stored(world), bitten(world, 'api.serverError')]).toEqual([{ size: 1 }, 1]);
  });

  it('happens, and nobody says so', async () => {
    const world = await setUp([always('api.appliedButTimedOut')]);
    const seen = new Set<unknown>();
    for (let turn = 0; turn < 12; turn += 1) {
      const answer = await callAt(world, 2_000 + turn * 16_000, resize(turn + 2));
      if (bitten(world, 'api.appliedButTimedOut') > turn) seen.add(Object(answer).status);
      expect(stored(world)).toEqual({ size: turn + 2 });
    }
    // The window is a minute long: four writes, and the server gives up, breaks the connection, or says nothing.
    expect(bitten(world, 'api.appliedButTimedOut')).toBe(4);
    expect([...seen].every((status) => status === 0 || status === 504)).toBe(true);
    expect(world.api.record.writes.every(({ status }) => status < 300)).toBe(true);
  });

  it('does not happen, and nobody says so', async () => {
    const world = await setUp([always('api.lostRequest')]);
    expect(await callAt(world, 2_000, resize(2))).toMatchObject({ status: 0, reason: 'Timeout' });
    expect([stored(world), bitten(world, 'api.lostRequest')]).toEqual([{ size: 1 }, 1]);
  });

  it('reaches nobody while the server is away, and watches break', async () => {
    const world = await setUp([always('api.away', 1_000, 5_000)]);
    expect(await callAt(world, 2_000, resize(2))).toMatchObject({ status: 0, reason: 'Unreachable' });
    expect(stored(world)).toEqual({ size: 1 });
    expect(bitten(world, 'api.away')).toBeGreaterThan(0);
    await callAt(world, 20_000, resize(3));
    expect(world.informer.store.get('shop/a')).toMatchObject({ spec: { size: 3 } });
  });

  it('strikes only the one that it is meant for', async () => {
    const world = await setUp([{ ...always('api.serverError'), target: 'another' }]);
    await callAt(world, 2_000, resize(2));
    expect([stored(world), bitten(world, 'api.serverError')]).toEqual([{ size: 2 }, 0]);
  });
});

describe('an informer at the API server of the simulation', () => {
  const sizeSeen = ({ informer }: World): unknown => informer.store.get('shop/a');

  it('hears late and in order', async () => {
    const world = await setUp([always('api.watchDelay')]);
    for (const size of [2, 3, 4]) world.sim.after(1_000 + 10 * size, () => void resize(size)(world.client));
    await world.sim.runUntil(2_000);
    expect(sizeSeen(world)).toMatchObject({ spec: { size: 1 } });
    await world.sim.runUntil(100_000);
    expect(sizeSeen(world)).toMatchObject({ spec: { size: 4 } });
    expect(world.versions).toEqual(inOrder(world.versions));
    expect(world.versions).toHaveLength(4);
    expect(bitten(world, 'api.watchDelay')).toBeGreaterThan(2);
  });

  it('watches again after a cut and misses nothing', async () => {
    const world = await setUp([once('api.cutWatches', 1_000)]);
    await callAt(world, 1_001, resize(2));
    expect(sizeSeen(world)).toMatchObject({ spec: { size: 2 } });
    expect([world.failures, world.lists]).toEqual([['watch'], [1]]);
    expect(bitten(world, 'api.cutWatches')).toBe(1);
  });

  it('lists again when history was forgotten meanwhile', async () => {
    const world = await setUp([once('api.cutWatches', 1_000), once('api.compact', 1_400)]);
    await callAt(world, 1_010, resize(2));
    expect(sizeSeen(world)).toMatchObject({ spec: { size: 2 } });
    expect([world.failures, world.lists.length]).toEqual([['watch', 'watch'], 2]);
    expect(bitten(world, 'api.compact')).toBe(1);
  });

  it('notices a watch that has died silently', async () => {
    const world = await setUp([once('api.blackHoleWatches', 1_000)]);
    await callAt(world, 2_000, resize(2));
    expect(sizeSeen(world)).toMatchObject({ spec: { size: 1 } });
    await world.sim.runUntil(140_000);
    expect(sizeSeen(world)).toMatchObject({ spec: { size: 2 } });
    expect(bitten(world, 'api.blackHoleWatches')).toBe(1);
  });

  it('is shown an older list, never one that is older than it asked for, and catches up', async () => {
    let seenOlder = 0;
    let toldToWait = 0;
    for (let seed = 0; seed < 20; seed += 1) {
      const faults = [
        once('api.cutWatches', 1_000),
        once('api.compact', 1_500),
        always('api.staleList', 1_000, 8_000),
      ];
      const world = await setUp(faults, seed);
      for (const size of [2, 3, 4, 5])
        world.sim.after(550 + 10 * size, () => void resize(size)(world.client));
      const seen: unknown[] = [];
      const look = (): void => {
        seen.push(Object(sizeSeen(world)).spec.size);
        world.sim.after(10, look);
      };
      look();
      await world.sim.runUntil(60_000);
      expect(seen.at(-1)).toBe(5);
      expect(world.versions).toEqual(inOrder(world.versions));
      expect(bitten(world, 'api.staleList')).toBeGreaterThan(0);
      if (seen.some((size) => size !== 1 && size !== 5)) seenOlder += 1;
      if (world.failures.includes('list')) toldToWait += 1;
    }
    expect([seenOlder > 3, toldToWait > 1]).toEqual([true, true]);
  });

  it('gets the newest from a list that asks for no version, whatever lags', async () => {
    const world = await setUp([always('api.staleList')]);
    await callAt(world, 2_000, resize(2));
    const page = await callAt(world, 20_000, (client) => client.listPage(widgets, {}));
    expect(page).toMatchObject({ items: [{ spec: { size: 2 } }] });
    expect(bitten(world, 'api.staleList')).toBe(0);
  });

  it('ends with its process', async () => {
    const world = await setUp([]);
    expect(world.api.watchers).toBe(1);
    world.host.crash(1_000);
    expect(world.api.watchers).toBe(0);
    world.api.asUser().delete('nothing');
    await world.sim.runUntil(2_000);
    expect(world.versions).toHaveLength(1);
  });

  it('is sent bookmarks, and a proper end after its time', async () => {
    const world = await setUp([]);
    await world.sim.runUntil(1_300_000);
    expect([world.failures, world.lists]).toEqual([[], [1]]);
    expect(world.api.watchers).toBe(1);
  });
});

describe('an OrderSaga at the API server of the simulation', () => {
  const order = {
    id: 'a',
    customerId: 'ada',
    currency: 'EUR',
    items: [{ sku: 'MOUSE', quantity: 1, unitPriceCents: 900 }],
    paymentMethod: 'pm_card_visa',
  };
  const apply = () => {
    const { sim, api } = start(1);
    const user = api.asUser();
    user.apply('a', { order });
    const saga = (): unknown => user.get('a');
    const answers = (): number[] => api.record.writes.map(({ status }) => status);
    return { sim, api, user, saga, answers };
  };

  it('gets the default plan, a UUID and the virtual time', () => {
    const { saga } = apply();
    expect(saga()).toMatchObject({
      metadata: { uid: expect.stringMatching(/^[0-9a-f-]{36}$/), creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        steps: [{ name: 'createOrder' }, {}, { timeoutSeconds: 15 }, { pivot: true }, {}],
        cancel: false,
      },
    });
  });

  it('is refused when it does not fit, or changes what is immutable', () => {
    const { user, answers } = apply();
    user.apply('b', { order: { ...order, currency: 'euro' } });
    user.patchSpec('a', { order: { ...order, customerId: 'eve' } });
    user.patchSpec('a', { steps: [{ name: 'only', service: 'order', execute: 'confirm', pivot: true }] });
    user.patchSpec('a', { cancel: true });
    user.patchSpec('a', { cancel: false });
    user.patchSpec('a', { suspend: true });
    expect(answers()).toEqual([201, 422, 422, 422, 200, 422, 200]);
  });

  it('keeps the outcome that was once recorded', async () => {
    const { sim, api, user, answers } = apply();
    let process: SimProcess | undefined;
    new Host({ sim, name: 'o', role: 'o', program: (one) => void (process = one) }).start();
    if (process === undefined) throw new Error('it did not start');
    const client = createKubeClient(api.connect(process), { limiter: 'off', clock: process.clock });
    const sagas = { group: 'sagamesh.dev', version: 'v1alpha1', plural: 'ordersagas' };
    const patch = (status: unknown) =>
      client
        .mergePatchStatus(sagas, ref, { status })
        .then(() => 'done')
        .catch((error: unknown) => error);
    const answersOfPatches: unknown[] = [];
    void (async () => {
      for (const outcome of ['Completed', 'Compensated', null, 'Completed'])
        answersOfPatches.push(await patch({ outcome }));
      answersOfPatches.push(await patch({ outcome: 'Completed', progress: 'much too long' }));
    })();
    await sim.runUntil(1_000);
    const no = { status: 422, reason: 'Invalid' };
    expect(answersOfPatches).toMatchObject(['done', no, no, 'done', no]);
    user.wipeStatus('a');
    expect(answers().at(-1)).toBe(422);
  });

  it('is recorded in every version, each under its uid, with who wrote it', async () => {
    const { sim, api, user } = apply();
    await sim.runUntil(5_000);
    user.patchSpec('a', { suspend: true });
    user.delete('a');
    user.apply('a', { order });
    const [first = [], second = []] = [...api.record.sagas.values()];
    expect(first.map(({ type, atMillis }) => [type, atMillis])).toEqual([
      ['ADDED', 0],
      ['MODIFIED', 5_000],
      ['DELETED', 5_000],
    ]);
    expect(second.map(({ type }) => type)).toEqual(['ADDED']);
    expect(api.record.writes.map(({ who, verb, key }) => `${who} ${verb} ${key}`)).toEqual([
      'user POST shop/a',
      'user PATCH shop/a',
      'user DELETE shop/a',
      'user POST shop/a',
    ]);
  });
});
