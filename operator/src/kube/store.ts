/**
 * What we know of the objects of one type, fed by lists, watch events and the answers to our own writes. Its one rule: knowledge never goes
 * back. An older resourceVersion never replaces a newer one, and a deleted object does not come back.
 */
import { type KubeObject, type ObjectMeta, keyOf } from './kube-object.ts';
import { compareResourceVersions as compare } from './resource-version.ts';

export type ChangeSource = 'list' | 'watch' | 'write';

/** `initial` marks the very first list of a namespace: such changes may wait behind new work. */
export type StoreChange<T extends KubeObject> = {
  readonly key: string;
  readonly object: T;
  readonly source: ChangeSource;
  readonly initial: boolean;
} & (
  | { readonly kind: 'added' }
  | { readonly kind: 'updated'; readonly previous: T }
  /** `object` is its last known state. */
  | { readonly kind: 'deleted' }
);

export type Store<T extends KubeObject> = {
  get(key: string): T | undefined;
  values(): Iterable<T>;
  readonly size: number;
  /**
   * Takes the answer to our own write, so that the next look sees it although the watch lags behind. Kept when newer than what is
   * cached; ignored when the object is known to be gone. An answer that is being deleted and has no finalizer left removes the object
   * (true for every type without graceful deletion, so for every custom resource).
   */
  observeWrite(object: T): void;
};

/** One namespace's share of the store (or all of it), written by one reflector. */
export type StoreScope<T extends KubeObject> = {
  /** Up to where lists, events and bookmarks have brought us; undefined before the first list. */
  resourceVersion(): string | undefined;
  /** 'stale': the list is older than what we know, from a server that lags; nothing was taken over. */
  replace(items: readonly T[], resourceVersion: string, isConsistentRead: boolean): 'replaced' | 'stale';
  /** False for replayed history, which changes nothing. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): boolean;
  /** An event whose object cannot be read: what we knew of it is no longer true, so it goes, as it would with the next list. */
  leaveOut(raw: KubeObject): boolean;
  get(key: string): T | undefined;
  /** It is here in this version or a newer one: to apply it or to leave it out would change nothing but `resourceVersion()`. */
  isKnown(metadata: ObjectMeta): boolean;
  bookmark(resourceVersion: string): void;
};

type Scope = {
  readonly namespace: string | undefined;
  seen: string | undefined;
  /** uids that our own write removed and whose DELETED event is still to come. */
  readonly gone: Set<string>;
};

export class ObjectStore<T extends KubeObject> implements Store<T> {
  readonly #objects = new Map<string, T>();
  readonly #scopes: Scope[] = [];
  readonly #emit: (change: StoreChange<T>) => void;

  constructor(emit: (change: StoreChange<T>) => void) {
    this.#emit = emit;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  observeWrite(object: T): void {
    const { namespace, uid, resourceVersion, deletionTimestamp, finalizers } = object.metadata;
    const scope = this.#scopes.find((one) => one.namespace === undefined || one.namespace === namespace);
    if (scope === undefined) return;
    const cached = this.#objects.get(keyOf(object.metadata));
    if (deletionTimestamp !== undefined && (finalizers ?? []).length === 0) {
      if (cached?.metadata.uid !== uid) return;
      scope.gone.add(uid);
      this.#remove(object, 'write');
      return;
    }
    // The stream has passed this write and the object is not there: it was deleted afterwards.
    if (cached === undefined && scope.seen !== undefined && compare(scope.seen, resourceVersion) >= 0) return;
    this.#takeNewer(scope, object, 'write', false);
  }

  /** `namespace` undefined: the whole store. Scopes must not overlap. */
  addScope(namespace: string | undefined): StoreScope<T> {
    const scope: Scope = { namespace, seen: undefined, gone: new Set() };
    this.#scopes.push(scope);
    return {
      resourceVersion: () => scope.seen,
      replace: (items, resourceVersion, isConsistentRead) =>
        this.#replace(scope, items, resourceVersion, isConsistentRead),
      get: (key) => this.#objects.get(key),
      isKnown: (metadata) => {
        const cached = this.#objects.get(keyOf(metadata))?.metadata;
        if (cached?.uid !== metadata.uid) return false;
        return compare(cached.resourceVersion, metadata.resourceVersion) >= 0;
      },
      apply: (type, object) => this.#apply(scope, type, object),
      leaveOut: (raw) => this.#leaveOut(scope, raw),
      bookmark: (resourceVersion) => {
        if (scope.seen === undefined || compare(resourceVersion, scope.seen) > 0)
          scope.seen = resourceVersion;
      },
    };
  }

  #apply(scope: Scope, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): boolean {
    const { uid } = object.metadata;
    if (!this.#advance(scope, object)) return false;
    if (type !== 'DELETED') {
      this.#takeNewer(scope, object, 'watch', false);
      return true;
    }
    scope.gone.delete(uid);
    if (this.#objects.get(keyOf(object.metadata))?.metadata.uid === uid) this.#remove(object, 'watch');
    return true;
  }

  #leaveOut(scope: Scope, raw: KubeObject): boolean {
    if (!this.#advance(scope, raw)) return false;
    const cached = this.#objects.get(keyOf(raw.metadata));
    const isOlder =
      cached !== undefined && compare(cached.metadata.resourceVersion, raw.metadata.resourceVersion) < 0;
    if (isOlder) this.#remove(cached, 'watch');
    return true;
  }

  /** A stream delivers in order, so everything up to `seen` has been dealt with: false says that this is replayed history. */
  #advance(scope: Scope, object: KubeObject): boolean {
    const { resourceVersion } = object.metadata;
    if (scope.seen !== undefined && compare(resourceVersion, scope.seen) <= 0) return false;
    scope.seen = resourceVersion;
    return true;
  }

  #replace(
    scope: Scope,
    items: readonly T[],
    resourceVersion: string,
    isConsistentRead: boolean,
  ): 'replaced' | 'stale' {
    const initial = scope.seen === undefined;
    const wentBack = scope.seen !== undefined && compare(resourceVersion, scope.seen) < 0;
    if (wentBack && !isConsistentRead) return 'stale';
    // A consistent read that is older than what we saw: the cluster was restored from a backup. It is the truth now.
    if (wentBack) scope.gone.clear();
    scope.seen = resourceVersion;

    const uids = new Set(items.map((item) => item.metadata.uid));
    for (const uid of scope.gone) if (!uids.has(uid)) scope.gone.delete(uid);
    for (const cached of this.#objects.values()) {
      const isOurs = scope.namespace === undefined || scope.namespace === cached.metadata.namespace;
      // Newer than the list: our own write, made while the list was under way.
      const isNewer = !wentBack && compare(cached.metadata.resourceVersion, resourceVersion) > 0;
      if (isOurs && !isNewer && !uids.has(cached.metadata.uid)) this.#remove(cached, 'list');
    }
    for (const item of items) {
      if (wentBack) this.#take(item, 'list', initial);
      else this.#takeNewer(scope, item, 'list', initial);
    }
    return 'replaced';
  }

  #takeNewer(scope: Scope, object: T, source: ChangeSource, initial: boolean): void {
    if (scope.gone.has(object.metadata.uid)) return;
    const cached = this.#objects.get(keyOf(object.metadata));
    const isNewer =
      cached === undefined || compare(object.metadata.resourceVersion, cached.metadata.resourceVersion) > 0;
    if (isNewer) this.#take(object, source, initial);
  }

  /** A different uid under the same name is a different object: deleted, then added. */
  #take(object: T, source: ChangeSource, initial: boolean): void {
    const key = keyOf(object.metadata);
    const cached = this.#objects.get(key);
    const previous = cached?.metadata.uid === object.metadata.uid ? cached : undefined;
    if (previous?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (cached !== undefined && previous === undefined) this.#remove(cached, source);
    this.#objects.set(key, object);
    if (previous === undefined) this.#emit({ kind: 'added', key, object, source, initial });
    else this.#emit({ kind: 'updated', key, object, previous, source, initial });
  }

  #remove(object: T, source: ChangeSource): void {
    const key = keyOf(object.metadata);
    if (this.#objects.delete(key)) this.#emit({ kind: 'deleted', key, object, source, initial: false });
  }
}
