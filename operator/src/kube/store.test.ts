import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from './kube-object.ts';
import { ObjectStore, type StoreChange } from './store.ts';

type Thing = KubeObject & { readonly note?: string };

function thing(name: string, uid: string, resourceVersion: number, extra: object = {}): Thing {
  return { metadata: { name, namespace: 'ns', uid, resourceVersion: String(resourceVersion), ...extra } };
}

function setUp() {
  const changes: StoreChange<Thing>[] = [];
  const store = new ObjectStore<Thing>((change) => changes.push(change));
  const scope = store.addScope(undefined);
  const told = (): string[] =>
    changes
      .splice(0)
      .map(
        (one) =>
          `${one.kind} ${one.object.metadata.uid}@${one.object.metadata.resourceVersion} ${one.source}`,
      );
  return { store, scope, told, changes };
}

describe('lists', () => {
  test('the first list is marked initial, later ones are not', () => {
    const { scope, changes } = setUp();
    scope.replace([thing('a', 'u1', 3)], '5', true);
    scope.replace([thing('a', 'u1', 3), thing('b', 'u2', 6)], '7', true);
    expect(changes.map((change) => change.initial)).toEqual([true, false]);
  });

  test('an object that is missing from a later list was deleted', () => {
    const { scope, told, store } = setUp();
    scope.replace([thing('a', 'u1', 3)], '5', true);
    told();
    scope.replace([], '9', true);
    expect(told()).toEqual(['deleted u1@3 list']);
    expect(store.size).toBe(0);
  });

  test('deleted and made again while nobody watched: one deletion, one addition', () => {
    const { scope, told } = setUp();
    scope.replace([thing('a', 'u1', 3)], '5', true);
    told();
    scope.replace([thing('a', 'u2', 8)], '9', true);
    expect(told()).toEqual(['deleted u1@3 list', 'added u2@8 list']);
  });

  test('a list of a server that lags behind what we saw is refused', () => {
    const { scope, told, store } = setUp();
    scope.replace([thing('a', 'u1', 9)], '9', true);
    told();
    expect(scope.replace([thing('a', 'u1', 3)], '5', false)).toBe('stale');
    expect(told()).toEqual([]);
    expect(store.get('ns/a')?.metadata.resourceVersion).toBe('9');
  });

  test('a consistent read that is older is a restored cluster, and the truth', () => {
    const { scope, told, store } = setUp();
    scope.replace([thing('a', 'u1', 99), thing('b', 'u2', 98)], '100', true);
    told();
    expect(scope.replace([thing('a', 'u1', 7)], '10', true)).toBe('replaced');
    expect(told()).toEqual(['deleted u2@98 list', 'updated u1@7 list']);
    expect(store.get('ns/a')?.metadata.resourceVersion).toBe('7');
  });
});

describe('watch events', () => {
  test('an older event never replaces a newer object', () => {
    const { scope, told } = setUp();
    scope.replace([thing('a', 'u1', 9)], '9', true);
    told();
    scope.apply('MODIFIED', thing('a', 'u1', 4));
    expect(told()).toEqual([]);
  });

  test('replayed history does not bring a deleted object back', () => {
    const { scope, store } = setUp();
    scope.replace([], '5', true);
    scope.apply('ADDED', thing('a', 'u1', 6));
    scope.apply('DELETED', thing('a', 'u1', 7));
    scope.apply('ADDED', thing('a', 'u1', 6));
    expect(store.size).toBe(0);
  });

  test('a late DELETED of the predecessor leaves the successor alone', () => {
    const { scope, store } = setUp();
    scope.replace([thing('a', 'u1', 3)], '5', true);
    store.observeWrite(thing('a', 'u2', 8));
    scope.apply('DELETED', thing('a', 'u1', 7));
    expect(store.get('ns/a')?.metadata.uid).toBe('u2');
  });
});

describe('our own writes', () => {
  test('are seen at once and told once: the echo of the watch is silent', () => {
    const { scope, told, store } = setUp();
    scope.replace([thing('a', 'u1', 3)], '5', true);
    told();
    store.observeWrite(thing('a', 'u1', 6));
    scope.apply('MODIFIED', thing('a', 'u1', 6));
    expect(told()).toEqual(['updated u1@6 write']);
  });

  test('a late answer does not overwrite what the watch already knows', () => {
    const { scope, store } = setUp();
    scope.replace([thing('a', 'u1', 9)], '9', true);
    store.observeWrite(thing('a', 'u1', 8));
    expect(store.get('ns/a')?.metadata.resourceVersion).toBe('9');
  });

  test('a late answer does not bring back what the stream saw deleted', () => {
    const { scope, store } = setUp();
    scope.replace([thing('a', 'u1', 3)], '5', true);
    scope.apply('MODIFIED', thing('a', 'u1', 6));
    scope.apply('DELETED', thing('a', 'u1', 7));
    store.observeWrite(thing('a', 'u1', 6));
    expect(store.size).toBe(0);
  });

  test('a late answer about an object made and deleted between two lists leaves no ghost', () => {
    const { scope, store } = setUp();
    scope.replace([], '5', true);
    scope.replace([], '9', true);
    store.observeWrite(thing('a', 'u1', 6));
    expect(store.size).toBe(0);
  });

  test('a bookmark beyond the write has the same force', () => {
    const { scope, store } = setUp();
    scope.replace([], '5', true);
    scope.bookmark('10');
    store.observeWrite(thing('a', 'u1', 9));
    expect(store.size).toBe(0);
  });

  test('an object made by us survives a list that is older than it', () => {
    const { scope, store } = setUp();
    scope.replace([], '5', true);
    store.observeWrite(thing('a', 'u1', 8));
    scope.replace([], '7', true);
    expect(store.get('ns/a')).toBeDefined();
    scope.replace([], '8', true);
    expect(store.get('ns/a')).toBeUndefined();
  });

  test('removing the last finalizer of a deleted object removes it, and events under way do not bring it back', () => {
    const { scope, store, told } = setUp();
    const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    scope.replace([thing('a', 'u1', 3)], '5', true);
    told();
    store.observeWrite(thing('a', 'u1', 6, { ...deleting, finalizers: [] }));
    expect(told()).toEqual(['deleted u1@6 write']);
    scope.apply('MODIFIED', thing('a', 'u1', 7, { ...deleting, finalizers: ['x'] }));
    scope.apply('DELETED', thing('a', 'u1', 8));
    expect(told()).toEqual([]);
    scope.apply('ADDED', thing('a', 'u2', 9));
    expect(told()).toEqual(['added u2@9 watch']);
  });

  test('a successor made by us is another object: its predecessor is told deleted first', () => {
    const { scope, told, store } = setUp();
    scope.replace([thing('a', 'u1', 3)], '5', true);
    told();
    store.observeWrite(thing('a', 'u2', 8));
    expect(told()).toEqual(['deleted u1@3 write', 'added u2@8 write']);
  });

  test('in a namespace that nobody watches are ignored', () => {
    const store = new ObjectStore<Thing>(() => undefined);
    store.addScope('elsewhere').replace([], '1', true);
    store.observeWrite(thing('a', 'u1', 2));
    expect(store.size).toBe(0);
  });
});

test('each namespace has its own progress', () => {
  const store = new ObjectStore<Thing>(() => undefined);
  const one = store.addScope('ns');
  const two = store.addScope('other');
  one.replace([thing('a', 'u1', 3)], '5', true);
  two.replace([], '99', true);
  expect([...store.values()].map((object) => object.metadata.name)).toEqual(['a']);
  store.observeWrite(thing('b', 'u2', 7));
  expect(store.size).toBe(2);
});

/**
 * The law of the store: whatever is replayed, lost and listed again, and however late our own answers come, at the end of the stream it
 * holds exactly what exists.
 */
test('any history with relists and late answers ends at the truth, and no object ever goes back', () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b'),
    act: fc.constantFrom('write', 'write', 'delete', 'ownWrite', 'lateAnswer', 'relist', 'catchUp', 'replay'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const versions = new Map<string, bigint>();
      const store = new ObjectStore<Thing>((change) => {
        const { uid, resourceVersion } = change.object.metadata;
        expect(BigInt(resourceVersion) >= (versions.get(uid) ?? 0n)).toBe(true);
        versions.set(uid, BigInt(resourceVersion));
        if (change.kind === 'deleted') versions.set(uid, 2n ** 62n);
      });
      const scope = store.addScope(undefined);
      const world = new Map<string, Thing>();
      const stream: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Thing }[] = [];
      const answers: Thing[] = [];
      let version = 8;
      let uids = 0;
      let delivered = 0;
      const write = (name: string): Thing => {
        const old = world.get(name);
        const next = thing(name, old?.metadata.uid ?? `u${(uids += 1)}`, (version += 1));
        world.set(name, next);
        stream.push({ type: old === undefined ? 'ADDED' : 'MODIFIED', object: next });
        return next;
      };
      const relist = (): void => {
        scope.replace([...world.values()], String(version), true);
        delivered = stream.length;
      };
      relist();
      for (const { name, act } of steps) {
        const old = world.get(name);
        if (act === 'write') write(name);
        if (act === 'delete' && old !== undefined) {
          world.delete(name);
          stream.push({ type: 'DELETED', object: thing(name, old.metadata.uid, (version += 1)) });
        }
        if (act === 'ownWrite') store.observeWrite(write(name));
        if (act === 'lateAnswer') answers.push(write(name));
        if (act === 'relist') relist();
        if (act === 'catchUp') for (; delivered < stream.length; delivered += 1) apply(delivered);
        if (act === 'replay') for (let i = 0; i < delivered; i += 1) apply(i);
        if (answers.length > 2) for (const late of answers.splice(0)) store.observeWrite(late);
      }
      for (; delivered < stream.length; delivered += 1) apply(delivered);
      for (const late of answers) store.observeWrite(late);
      expect(new Map([...store.values()].map((one) => [one.metadata.name, one]))).toEqual(world);

      function apply(index: number): void {
        const event = stream[index];
        if (event !== undefined) scope.apply(event.type, event.object);
      }
    }),
  );
});
