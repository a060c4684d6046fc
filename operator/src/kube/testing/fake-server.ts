/** The answering half of the fake API server: what a request means, without time, transport or faults of its own. */
import { ApiError } from '../api-error.ts';
import type { TransportResponse } from '../transport.ts';
import {
  type FakeEvent,
  FakeObjects,
  type FakeObjectsOptions,
  type Json,
  Refusal,
  isFakeObject,
  isRecord,
  jsonOf,
  mergePatch,
} from './fake-objects.ts';

export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly lane: string;
  readonly body: Json;
};

/** Where in the API a path points. `key` is 'namespace/name', or 'name' where there is no namespace. */
export type Place = {
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly isStatus: boolean;
};

export class FakeServer {
  readonly objects: FakeObjects;
  readonly #pages = new Map<string, { readonly items: readonly string[]; readonly version: number }>();
  #compacted = 0;

  constructor(options: FakeObjectsOptions = {}) {
    this.objects = new FakeObjects(options);
  }

  /** Forgets history: older watches and continue tokens get 410. False: there was nothing to forget. */
  compact(): boolean {
    const isNew = this.objects.version > this.#compacted;
    this.#compacted = this.objects.version;
    this.#pages.clear();
    return isNew;
  }

  /** Anything but a watch. `listVersion`: answer a list as it was then. */
  answer(request: SeenRequest, listVersion?: number): TransportResponse {
    return refusedOr(() => {
      const place = parsePlace(request.path);
      return response(request.method === 'POST' ? 201 : 200, this.#carryOut(request, place, listVersion));
    });
  }

  /** Events that a watch begins with; throws a Refusal when they are forgotten. */
  eventsFrom(query: URLSearchParams): readonly FakeEvent[] {
    const from = Number(query.get('resourceVersion'));
    if (from < this.#compacted) throw new Refusal(410, 'Expired');
    return this.objects.since(from);
  }

  #carryOut(request: SeenRequest, place: Place, listVersion: number | undefined): string {
    const { collection, namespace, isStatus } = place;
    if (request.method === 'GET' && place.name === undefined) {
      return this.#list(place, request.query, listVersion);
    }
    const key = keyOf(place, request.body);
    switch (request.method) {
      case 'GET':
        return jsonOf(this.objects.get(collection, key));
      case 'POST':
        return jsonOf(this.objects.create(collection, key, withNamespace(request.body, namespace)));
      case 'PUT': {
        const wanted = withNamespace(request.body, namespace);
        return jsonOf(this.objects.update(collection, key, isStatus, () => wanted));
      }
      case 'PATCH': {
        const merge = (stored: unknown) => asObject(mergePatch(stored, request.body));
        return jsonOf(this.objects.update(collection, key, isStatus, merge));
      }
      default: {
        const preconditions = request.body['preconditions'];
        return jsonOf(this.objects.delete(collection, key, isRecord(preconditions) ? preconditions : {}));
      }
    }
  }

  #list({ collection, namespace }: Place, query: URLSearchParams, listVersion: number | undefined): string {
    const token = query.get('continue');
    const page = token === null ? undefined : this.#pages.get(token);
    if (token !== null && page === undefined) throw new Refusal(410, 'Expired');
    const newest = listVersion ?? this.objects.version;
    if (Number(query.get('resourceVersion') ?? 0) > newest) throw tooLargeVersion();
    const all = page?.items ?? this.#listNow(collection, namespace, listVersion);
    const version = page?.version ?? newest;
    const limit = Number(query.get('limit') ?? 0) || all.length;
    const rest = all.slice(limit);
    const next = rest.length === 0 ? undefined : `token-${this.#pages.size + 1}-of-${version}`;
    if (next !== undefined) this.#pages.set(next, { items: rest, version });
    const metadata = JSON.stringify({ resourceVersion: String(version), continue: next });
    return `{"kind":"List","metadata":${metadata},"items":[${all.slice(0, limit).join(',')}]}`;
  }

  #listNow(collection: string, namespace: string | undefined, listVersion: number | undefined): string[] {
    const { objects } = this;
    return (
      listVersion === undefined
        ? objects.list(collection, namespace)
        : objects.listAt(listVersion, collection, namespace)
    ).map((object) => jsonOf(object));
  }
}

/** The server's cache has not come so far yet. */
function tooLargeVersion(): Refusal {
  return new Refusal(504, 'Timeout', [{ reason: 'ResourceVersionTooLarge' }]);
}

/** What a Refusal becomes on the wire. */
export function refusedOr(carryOut: () => TransportResponse): TransportResponse {
  try {
    return carryOut();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return response(error.status, statusText(error.status, error.reason, error.causes));
  }
}

export function response(status: number, body: string, retryAfter?: string): TransportResponse {
  return { status, retryAfter, text: () => Promise.resolve(body), chunks: onePiece(body) };
}

async function* onePiece(body: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(body));
}

/** The text of a Status object that says no. */
export function statusText(status: number, reason: string, causes: readonly Json[] = []): string {
  return JSON.stringify({
    kind: 'Status',
    status: 'Failure',
    code: status,
    reason,
    message: reason,
    details: { causes },
  });
}

export function noAnswer(reason: 'Unreachable' | 'Aborted'): ApiError {
  return new ApiError({ status: 0, reason, message: reason });
}

export function readRequest(request: {
  readonly method: string;
  readonly path: string;
  readonly lane: string;
  readonly body?: string | undefined;
}): SeenRequest {
  const at = request.path.indexOf('?');
  return {
    method: request.method,
    path: at < 0 ? request.path : request.path.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : request.path.slice(at + 1)),
    lane: request.lane,
    body: parseBody(request.body),
  };
}

/** /apis/group/version[/namespaces/ns]/plural[/name[/status]] */
export function parsePlace(path: string): Place {
  const raw = path.split('/').slice(1);
  const parts = path.includes('%') ? raw.map(decodeURIComponent) : raw;
  const root = parts.splice(0, parts[0] === 'api' ? 2 : 3).join('/');
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  const [plural = '', name, subresource] = parts;
  return { collection: `${root}/${plural}`, namespace, name, isStatus: subresource === 'status' };
}

/** 'namespace/name' of what a request is about; a POST names it in its body. */
export function keyOf(place: Place, body: Json): string {
  const name = place.name ?? textOf(body['metadata'], 'name');
  return place.namespace === undefined ? name : `${place.namespace}/${name}`;
}

function parseBody(body: string | undefined): Json {
  const value: unknown = body === undefined ? {} : JSON.parse(body);
  return isRecord(value) ? value : {};
}

function withNamespace(body: Json, namespace: string | undefined) {
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {};
  return { ...body, metadata: { ...metadata, ...(namespace === undefined ? {} : { namespace }) } };
}

function asObject(value: unknown) {
  if (!isFakeObject(value)) throw new Refusal(400, 'BadRequest');
  return value;
}

export function textOf(value: unknown, field: string): string {
  const text = isRecord(value) ? value[field] : undefined;
  return typeof text === 'string' ? text : '';
}
