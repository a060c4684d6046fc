/** The storage half of the fake API server: one global resourceVersion, optimistic concurrency, finalizers, a history to watch. */

export type Json = Record<string, unknown>;
/** Never changed once stored, so it is handed out as it is; `jsonOf` makes its text once. */
export type FakeObject = Json & { readonly metadata: Json };

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

export class FakeEvent {
  readonly collection: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: FakeObject;
  #line: Uint8Array | undefined;

  constructor(collection: string, type: FakeEvent['type'], version: number, object: FakeObject) {
    this.collection = collection;
    this.type = type;
    this.version = version;
    this.object = object;
  }

  /** As a watch sends it; encoded once for all watchers. */
  get line(): Uint8Array {
    this.#line ??= new TextEncoder().encode(`{"type":"${this.type}","object":${jsonOf(this.object)}}\n`);
    return this.#line;
  }
}

/** Defaults, prunes or refuses (by throwing a Refusal) what is about to be stored, as a CRD's schema and rules do. */
export type Admission = (
  collection: string,
  wanted: FakeObject,
  stored: FakeObject | undefined,
) => FakeObject;

export type FakeObjectsOptions = {
  readonly newUid?: () => string;
  readonly wallMillis?: () => number;
  readonly admit?: Admission;
};

export class FakeObjects {
  /** Starts just below a change of digits: '99' < '100' only if versions are not compared as text. */
  version = 97;
  /** By version, which only grows. */
  readonly history: FakeEvent[] = [];
  onEvent: (event: FakeEvent) => void = () => undefined;
  readonly #objects = new Map<string, FakeObject>();
  readonly #newUid: () => string;
  readonly #wallMillis: () => number;
  readonly #admit: Admission;
  #uids = 0;

  constructor(options: FakeObjectsOptions = {}) {
    this.#newUid = options.newUid ?? (() => `uid-${(this.#uids += 1)}`);
    this.#wallMillis = options.wallMillis ?? (() => Date.UTC(2026, 0, 1));
    this.#admit = options.admit ?? ((_collection, wanted) => wanted);
  }

  list(collection: string, namespace: string | undefined): FakeObject[] {
    const prefix = prefixOf(collection, namespace);
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).toSorted();
    return names.map((name) => this.#require(name));
  }

  /** As the list was when this was the newest version. */
  listAt(version: number, collection: string, namespace: string | undefined): FakeObject[] {
    const then = new Map<string, FakeObject>();
    for (const event of this.history) {
      if (event.version > version) break;
      if (event.collection !== collection) continue;
      const { namespace: place, name } = event.object.metadata;
      if (namespace !== undefined && place !== namespace) continue;
      const key = `${String(place)}/${String(name)}`;
      if (event.type === 'DELETED') then.delete(key);
      else then.set(key, event.object);
    }
    return [...then.keys()].toSorted().flatMap((key) => then.get(key) ?? []);
  }

  /** Undefined: there is no such object. */
  find(collection: string, key: string): FakeObject | undefined {
    return this.#objects.get(`${collection}|${key}`);
  }

  get(collection: string, key: string): FakeObject {
    return this.#require(`${collection}|${key}`);
  }

  /** What happened after that version. */
  since(version: number): readonly FakeEvent[] {
    let low = 0;
    let high = this.history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.history[middle]?.version ?? Infinity) > version) high = middle;
      else low = middle + 1;
    }
    return this.history.slice(low);
  }

  create(collection: string, key: string, body: FakeObject): FakeObject {
    const name = `${collection}|${key}`;
    if (this.#objects.has(name)) throw new Refusal(409, 'AlreadyExists');
    const { status: _status, ...rest } = body;
    const metadata = {
      ...body.metadata,
      uid: this.#newUid(),
      generation: 1,
      creationTimestamp: this.#timestamp(),
      managedFields: [{ manager: 'test' }],
    };
    const admitted = this.#admit(collection, { ...rest, metadata }, undefined);
    return this.#store(collection, name, 'ADDED', admitted);
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
    const merged = isStatus
      ? withStatus(stored, wanted['status'])
      : withStatus({ ...wanted, metadata: keepFixed(wanted.metadata, stored.metadata) }, stored['status']);
    const next = this.#admit(collection, merged, stored);
    if (sameJson(next, stored)) return stored;
    if (sameJson(next['spec'], stored['spec'])) return this.#storeOrDelete(collection, name, next);
    return this.#storeOrDelete(collection, name, nextGeneration(next));
  }

  delete(collection: string, key: string, preconditions: Json): FakeObject {
    const name = `${collection}|${key}`;
    const stored = this.#require(name);
    for (const [field, expected] of Object.entries(preconditions)) {
      if (expected !== stored.metadata[field]) throw new Refusal(409, 'Conflict');
    }
    if (stored.metadata['deletionTimestamp'] !== undefined) return stored;
    const metadata = { ...stored.metadata, deletionTimestamp: this.#timestamp() };
    const marked = { ...stored, metadata };
    // An object that is held is new to whoever looks at generations (apiserver, registry/generic/registry/store.go, markAsDeleting).
    return this.#storeOrDelete(collection, name, isHeld(marked) ? nextGeneration(marked) : marked);
  }

  #timestamp(): string {
    return `${new Date(this.#wallMillis()).toISOString().slice(0, 19)}Z`;
  }

  #require(name: string): FakeObject {
    const object = this.#objects.get(name);
    if (object === undefined) throw new Refusal(404, 'NotFound');
    return object;
  }

  /** The answer to a write that removes the last finalizer carries the version before the deletion, as the real one does. */
  #storeOrDelete(collection: string, name: string, object: FakeObject): FakeObject {
    const isLeaving = object.metadata['deletionTimestamp'] !== undefined && !isHeld(object);
    if (!isLeaving) return this.#store(collection, name, 'MODIFIED', object);
    this.#store(collection, name, 'DELETED', object);
    this.#objects.delete(name);
    return object;
  }

  #store(collection: string, name: string, type: FakeEvent['type'], object: FakeObject): FakeObject {
    this.version += 1;
    const metadata = Object.freeze({ ...object.metadata, resourceVersion: String(this.version) });
    const stored: FakeObject = Object.freeze({ ...object, metadata });
    this.#objects.set(name, stored);
    const event = new FakeEvent(collection, type, this.version, stored);
    this.history.push(event);
    this.onEvent(event);
    return stored;
  }
}

const texts = new WeakMap<object, string>();

/** The object as it goes over the wire; made once. */
export function jsonOf(object: FakeObject): string {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify(object);
  texts.set(object, text);
  return text;
}

/** What nobody can change by an update; finalizers may only leave an object that is being deleted. */
function keepFixed(wanted: Json, stored: Json): Json {
  const kept: Json = { ...wanted };
  for (const field of ['uid', 'creationTimestamp', 'deletionTimestamp', 'resourceVersion', 'generation']) {
    if (stored[field] === undefined) delete kept[field];
    else kept[field] = stored[field];
  }
  const before = namesIn(stored['finalizers']);
  const isNew = namesIn(kept['finalizers']).some((name) => !before.includes(name));
  if (stored['deletionTimestamp'] !== undefined && isNew) {
    throw new Refusal(422, 'Invalid', [{ reason: 'FieldValueForbidden', field: 'metadata.finalizers' }]);
  }
  return kept;
}

function nextGeneration(object: FakeObject): FakeObject {
  const generation = Number(object.metadata['generation']) + 1;
  return { ...object, metadata: { ...object.metadata, generation } };
}

function withStatus(object: FakeObject, status: unknown): FakeObject {
  const { status: _status, ...rest } = object;
  return status === undefined ? rest : { ...rest, status };
}

function isHeld(object: FakeObject): boolean {
  return namesIn(object.metadata['finalizers']).length > 0;
}

function namesIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function prefixOf(collection: string, namespace: string | undefined): string {
  return `${collection}|${namespace === undefined ? '' : `${namespace}/`}`;
}

/** Equal as JSON: an undefined member is no member. What is shared is not looked into. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const key in a) if (!sameJson(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
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
