/** The storage half of the fake API server: one global resourceVersion, optimistic concurrency, finalizers, a history to watch. */
import { isDeepStrictEqual } from 'node:util';

export type Json = Record<string, unknown>;
export type FakeObject = Json & { readonly metadata: Json };
export type FakeEvent = {
  readonly collection: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: FakeObject;
};

/** Thrown for every refusal; `status` and `reason` as a real server gives them. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly Json[];

  constructor(status: number, reason: string, causes: readonly Json[] = []) {
    super(`${reason} (from the fake API server)`);
    this.status = status;
    this.reason = reason;
    this.causes = causes;
  }
}

export class FakeObjects {
  /** Starts just below a change of digits: '99' < '100' only if versions are not compared as text. */
  version = 97;
  readonly history: FakeEvent[] = [];
  onEvent: (event: FakeEvent) => void = () => undefined;
  readonly #objects = new Map<string, FakeObject>();
  #uids = 0;

  list(collection: string, namespace: string | undefined): FakeObject[] {
    const prefix = `${collection}|${namespace === undefined ? '' : `${namespace}/`}`;
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).toSorted();
    return names.map((name) => this.#require(name));
  }

  get(collection: string, key: string): FakeObject {
    return this.#require(`${collection}|${key}`);
  }

  create(collection: string, key: string, body: FakeObject): FakeObject {
    const name = `${collection}|${key}`;
    if (this.#objects.has(name)) throw new Refusal(409, 'AlreadyExists');
    const { status: _status, ...rest } = body;
    this.#uids += 1;
    const metadata = {
      ...body.metadata,
      uid: `uid-${this.#uids}`,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager: 'test' }],
    };
    return this.#store(collection, name, 'ADDED', { ...rest, metadata });
  }

  /** `change` gets the stored object and answers the wanted one; only its status, or all but its status, counts. */
  update(
    collection: string,
    key: string,
    isStatus: boolean,
    change: (stored: FakeObject) => FakeObject,
  ): FakeObject {
    const name = `${collection}|${key}`;
    const stored = this.#require(name);
    const wanted = change(stored);
    const { resourceVersion: expected, uid: expectedUid } = wanted.metadata;
    if (expected !== undefined && expected !== stored.metadata['resourceVersion'])
      throw new Refusal(409, 'Conflict');
    // A real server ignores the uid in a status patch.
    if (!isStatus && expectedUid !== undefined && expectedUid !== stored.metadata['uid']) {
      throw new Refusal(422, 'Invalid', [{ reason: 'FieldValueInvalid', field: 'metadata.uid' }]);
    }
    const { uid, creationTimestamp, deletionTimestamp, resourceVersion } = stored.metadata;
    const fixed = {
      uid,
      creationTimestamp,
      deletionTimestamp,
      resourceVersion,
      generation: stored.metadata['generation'],
    };
    const next: FakeObject = isStatus
      ? { ...stored, status: wanted['status'] }
      : { ...wanted, status: stored['status'], metadata: { ...wanted.metadata, ...fixed } };
    if (isDeepStrictEqual(plain(next), plain(stored))) return stored;
    const isSpecChanged = !isDeepStrictEqual(next['spec'], stored['spec']);
    const generation = Number(stored.metadata['generation']) + (isSpecChanged ? 1 : 0);
    return this.#storeOrDelete(collection, name, { ...next, metadata: { ...next.metadata, generation } });
  }

  delete(collection: string, key: string, preconditions: Json): FakeObject {
    const name = `${collection}|${key}`;
    const stored = this.#require(name);
    for (const [field, expected] of Object.entries(preconditions)) {
      if (expected !== stored.metadata[field]) throw new Refusal(409, 'Conflict');
    }
    if (stored.metadata['deletionTimestamp'] !== undefined) return stored;
    const metadata = { ...stored.metadata, deletionTimestamp: '2026-01-01T00:00:01Z' };
    return this.#storeOrDelete(collection, name, { ...stored, metadata });
  }

  #require(name: string): FakeObject {
    const object = this.#objects.get(name);
    if (object === undefined) throw new Refusal(404, 'NotFound');
    return object;
  }

  /** The answer to a write that removes the last finalizer carries the version before the deletion, as the real one does. */
  #storeOrDelete(collection: string, name: string, object: FakeObject): FakeObject {
    const { deletionTimestamp, finalizers } = object.metadata;
    const isHeld = Array.isArray(finalizers) && finalizers.length > 0;
    if (deletionTimestamp === undefined || isHeld) return this.#store(collection, name, 'MODIFIED', object);
    this.#store(collection, name, 'DELETED', object);
    this.#objects.delete(name);
    return object;
  }

  #store(collection: string, name: string, type: FakeEvent['type'], object: FakeObject): FakeObject {
    this.version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.version) };
    const stored: FakeObject = plain({ ...object, metadata });
    this.#objects.set(name, stored);
    const event = { collection, type, version: this.version, object: stored };
    this.history.push(event);
    this.onEvent(event);
    return stored;
  }
}

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Json = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isFakeObject(value: unknown): value is FakeObject {
  return isRecord(value) && isRecord(value['metadata']);
}

/** As it would arrive over the wire: undefined members are gone and nothing is shared. */
function plain(object: FakeObject): FakeObject {
  const copy: FakeObject = JSON.parse(JSON.stringify(object));
  return copy;
}
