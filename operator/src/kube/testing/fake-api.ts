/**
 * A small API server at the transport port, without sockets, that misbehaves on command. Its honest part passes the same behaviour suites
 * as a real kube-apiserver (*.behaviour.ts); only what those suites and the kernel need is here.
 */
import { ApiError } from '../api-error.ts';
import type { Transport, TransportRequest, TransportResponse } from '../transport.ts';
import {
  type FakeEvent,
  FakeObjects,
  type Json,
  Refusal,
  isFakeObject,
  isRecord,
  mergePatch,
} from './fake-objects.ts';

export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly reason?: string;
      readonly retryAfter?: string;
      readonly body?: string;
    }
  /** The request does not arrive. */
  | { readonly kind: 'unreachable' }
  /** The request is carried out and the answer gets lost. */
  | { readonly kind: 'lostAnswer' }
  /** Nothing ever comes back. */
  | { readonly kind: 'hang' };

export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly lane: string;
  readonly body: Json;
};

type Place = {
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly isStatus: boolean;
};

export class FakeApi {
  readonly objects = new FakeObjects();
  readonly requests: SeenRequest[] = [];
  /** Asked for every request; undefined lets it through. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  readonly watches = new Set<FakeWatch>();
  readonly transport: Transport = {
    host: 'fake:443',
    send: (request) => this.#send(request),
    close: () => Promise.resolve(),
  };
  readonly #pages = new Map<string, { readonly items: readonly unknown[]; readonly version: number }>();
  #compacted = 0;

  constructor() {
    this.objects.onEvent = (event) => {
      for (const watch of this.watches) watch.deliver(event);
    };
  }

  /** Forgets history: older watches and continue tokens get 410. */
  compact(): void {
    this.#compacted = this.objects.version;
    this.#pages.clear();
  }

  requestsTo(method: string, part: string): SeenRequest[] {
    return this.requests.filter((request) => request.method === method && request.path.includes(part));
  }

  async #send(request: TransportRequest): Promise<TransportResponse> {
    const url = new URL(request.path, 'https://fake');
    const seen: SeenRequest = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      lane: request.lane,
      body: parseBody(request.body),
    };
    this.requests.push(seen);
    if (request.signal.aborted) throw noAnswer('Aborted');
    const fault = this.fault(seen);
    switch (fault?.kind) {
      case 'unreachable':
        throw noAnswer('Unreachable');
      case 'hang':
        return untilAborted(request.signal);
      case 'answer':
        return answer(
          fault.status,
          fault.body ?? statusObject(fault.status, fault.reason ?? 'Unknown', []),
          fault.retryAfter,
        );
      case 'lostAnswer':
        this.#answer(seen, request.signal);
        throw noAnswer('Unreachable');
      case undefined:
        return this.#answer(seen, request.signal);
    }
  }

  #answer(request: SeenRequest, signal: AbortSignal): TransportResponse {
    try {
      const place = parsePlace(request.path);
      if (request.query.get('watch') === 'true') return this.#watch(place, request.query, signal);
      return answer(request.method === 'POST' ? 201 : 200, JSON.stringify(this.#carryOut(request, place)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return answer(error.status, statusObject(error.status, error.reason, error.causes));
    }
  }

  #carryOut(request: SeenRequest, place: Place): unknown {
    const { collection, namespace, isStatus } = place;
    const name = place.name ?? textOf(request.body['metadata'], 'name');
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    switch (request.method) {
      case 'GET':
        return place.name === undefined
          ? this.#list(place, request.query)
          : this.objects.get(collection, key);
      case 'POST':
        return this.objects.create(collection, key, withNamespace(request.body, namespace));
      case 'PUT':
        return this.objects.update(collection, key, isStatus, () => withNamespace(request.body, namespace));
      case 'PATCH':
        return this.objects.update(collection, key, isStatus, (stored) =>
          asObject(mergePatch(stored, request.body)),
        );
      default: {
        const preconditions = request.body['preconditions'];
        return this.objects.delete(collection, key, isRecord(preconditions) ? preconditions : {});
      }
    }
  }

  #list({ collection, namespace }: Place, query: URLSearchParams): Json {
    const token = query.get('continue');
    const page = token === null ? undefined : this.#pages.get(token);
    if (token !== null && page === undefined) throw new Refusal(410, 'Expired');
    if (Number(query.get('resourceVersion') ?? 0) > this.objects.version) {
      throw new Refusal(504, 'Timeout', [{ reason: 'ResourceVersionTooLarge' }]);
    }
    const all = page?.items ?? this.objects.list(collection, namespace);
    const version = page?.version ?? this.objects.version;
    const limit = Number(query.get('limit') ?? 0) || all.length;
    const rest = all.slice(limit);
    const next = rest.length === 0 ? undefined : `token-${this.#pages.size + 1}-of-${version}`;
    if (next !== undefined) this.#pages.set(next, { items: rest, version });
    return {
      kind: 'List',
      metadata: { resourceVersion: String(version), continue: next },
      items: all.slice(0, limit),
    };
  }

  #watch(place: Place, query: URLSearchParams, signal: AbortSignal): TransportResponse {
    const from = Number(query.get('resourceVersion'));
    if (from < this.#compacted) throw new Refusal(410, 'Expired');
    const watch = new FakeWatch(place, () => this.watches.delete(watch), signal);
    this.watches.add(watch);
    for (const event of this.objects.history) if (event.version > from) watch.deliver(event);
    return { ...answer(200, ''), chunks: watch.chunks() };
  }
}

/** One open watch and the ways to break it. */
export class FakeWatch {
  readonly #place: Place;
  readonly #onClosed: () => void;
  readonly #waiting: Uint8Array[] = [];
  #end: { readonly error?: ApiError } | undefined;
  #isSilent = false;
  #wake: () => void = () => undefined;

  constructor(place: Place, onClosed: () => void, signal: AbortSignal) {
    this.#place = place;
    this.#onClosed = onClosed;
    signal.addEventListener('abort', () => this.cut('Aborted'));
  }

  deliver(event: FakeEvent): void {
    const namespace = textOf(event.object.metadata, 'namespace');
    const isOurs = this.#place.namespace === undefined || this.#place.namespace === namespace;
    if (isOurs && event.collection === this.#place.collection)
      this.sendLine({ type: event.type, object: event.object });
  }

  bookmark(version: number): void {
    this.sendLine({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } } });
  }

  sendError(status: number, reason: string): void {
    this.sendLine({ type: 'ERROR', object: JSON.parse(statusObject(status, reason, [])) });
  }

  sendLine(value: unknown): void {
    this.sendText(`${JSON.stringify(value)}\n`);
  }

  sendText(text: string): void {
    if (this.#isSilent) return;
    this.#waiting.push(new TextEncoder().encode(text));
    this.#wake();
  }

  /** From now on nothing arrives, and nobody says so. */
  blackHole(): void {
    this.#isSilent = true;
  }

  /** A proper end, as after timeoutSeconds. */
  end(): void {
    this.#close({});
  }

  cut(reason: 'Unreachable' | 'Aborted' = 'Unreachable'): void {
    this.#close({ error: noAnswer(reason) });
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #close(end: { readonly error?: ApiError }): void {
    this.#end ??= end;
    this.#onClosed();
    this.#wake();
  }
}

function answer(status: number, body: string, retryAfter?: string): TransportResponse {
  return { status, retryAfter, text: () => Promise.resolve(body), chunks: onePiece(body) };
}

async function* onePiece(body: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(body));
}

function statusObject(status: number, reason: string, causes: readonly Json[]): string {
  return JSON.stringify({
    kind: 'Status',
    status: 'Failure',
    code: status,
    reason,
    message: reason,
    details: { causes },
  });
}

function noAnswer(reason: 'Unreachable' | 'Aborted'): ApiError {
  return new ApiError({ status: 0, reason, message: reason });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(noAnswer('Aborted')));
  });
}

/** /apis/group/version[/namespaces/ns]/plural[/name[/status]] */
function parsePlace(path: string): Place {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const root = parts.splice(0, parts[0] === 'api' ? 2 : 3).join('/');
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  const [plural = '', name, subresource] = parts;
  return { collection: `${root}/${plural}`, namespace, name, isStatus: subresource === 'status' };
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

function textOf(value: unknown, field: string): string {
  const text = isRecord(value) ? value[field] : undefined;
  return typeof text === 'string' ? text : '';
}
