/**
 * Typed REST on one transport: throttled by a token bucket, bounded in time, measured. Reads are retried a little (429, no connection);
 * writes never are: whoever writes must look again first. The type parameter states what the caller expects; nothing is validated here.
 */
import { type Call, type CallOptions, type KubeClientOptions, createCaller } from './api-call.ts';
import { ApiError, isGone } from './api-error.ts';
import { type KubeObject, type ObjectRef, type ResourceType, resourcePath } from './kube-object.ts';
import { isResourceVersion } from './resource-version.ts';
import type { Transport } from './transport.ts';
import { readLines } from './watch-lines.ts';

export type ListQuery = {
  readonly namespace?: string | undefined;
  readonly limit?: number | undefined;
  readonly continueToken?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact' | undefined;
  readonly labelSelector?: string | undefined;
};

export type WatchQuery = {
  readonly namespace?: string | undefined;
  readonly resourceVersion: string;
  /** The server ends the watch after it. */
  readonly timeoutSeconds: number;
  readonly labelSelector?: string | undefined;
};

export type ListPage<T> = {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken?: string | undefined;
};

export type KubeClient = {
  get<T extends KubeObject>(resource: ResourceType, ref: ObjectRef, options?: CallOptions): Promise<T>;
  listPage<T extends KubeObject>(
    resource: ResourceType,
    query: ListQuery,
    options?: CallOptions,
  ): Promise<ListPage<T>>;
  create<T extends KubeObject>(
    resource: ResourceType,
    namespace: string | undefined,
    body: object,
    options?: CallOptions,
  ): Promise<T>;
  /** PUT: `body.metadata.resourceVersion` makes it conditional. */
  update<T extends KubeObject>(
    resource: ResourceType,
    ref: ObjectRef,
    body: object,
    options?: CallOptions,
  ): Promise<T>;
  /** JSON merge patch: `metadata.resourceVersion` and `metadata.uid` in it make it conditional (isConflict). */
  mergePatch<T extends KubeObject>(
    resource: ResourceType,
    ref: ObjectRef,
    patch: object,
    options?: CallOptions,
  ): Promise<T>;
  /** Conditional by `metadata.resourceVersion` alone: the API server ignores a wrong uid here (seen on 1.35), so always send the version. */
  mergePatchStatus<T extends KubeObject>(
    resource: ResourceType,
    ref: ObjectRef,
    patch: object,
    options?: CallOptions,
  ): Promise<T>;
  delete(
    resource: ResourceType,
    ref: ObjectRef,
    preconditions: { readonly uid?: string; readonly resourceVersion?: string },
    options?: CallOptions,
  ): Promise<void>;
  /** Raw lines, bookmarks included. Time is bounded until the headers came; afterwards the signal ends it. */
  watch(resource: ResourceType, query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<string>>;
  getRaw(path: string, options?: CallOptions): Promise<string>;
};

export function createKubeClient(transport: Transport, options: KubeClientOptions = {}): KubeClient {
  const call = createCaller(transport, options);
  const read = async <T>(request: Call, callOptions?: CallOptions): Promise<T> => {
    const text = await call.text(request, callOptions);
    try {
      const answer: T = JSON.parse(text);
      return answer;
    } catch (error) {
      const message = `${request.method} ${request.path}: the answer is not JSON`;
      throw new ApiError({ status: 0, reason: 'BrokenAnswer', message }, { cause: error });
    }
  };
  const patch = <T>(path: string, body: object, callOptions?: CallOptions): Promise<T> =>
    read<T>(
      { method: 'PATCH', path, body: JSON.stringify(body), contentType: 'application/merge-patch+json' },
      callOptions,
    );

  return {
    get: (resource, ref, o) => read({ method: 'GET', path: resourcePath(resource, ref) }, o),
    listPage: async <T extends KubeObject>(resource: ResourceType, query: ListQuery, o?: CallOptions) => {
      const path = resourcePath(resource, query) + listParameters(query);
      return listPageFrom<T>(path, await read<RawList<T>>({ method: 'GET', path }, o));
    },
    create: (resource, namespace, body, o) =>
      read({ method: 'POST', path: resourcePath(resource, { namespace }), body: JSON.stringify(body) }, o),
    update: (resource, ref, body, o) =>
      read({ method: 'PUT', path: resourcePath(resource, ref), body: JSON.stringify(body) }, o),
    mergePatch: (resource, ref, body, o) => patch(resourcePath(resource, ref), body, o),
    mergePatchStatus: (resource, ref, body, o) =>
      patch(resourcePath(resource, { ...ref, subresource: 'status' }), body, o),
    delete: async (resource, ref, preconditions, o) => {
      const body = JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions });
      await call.text({ method: 'DELETE', path: resourcePath(resource, ref), body }, o);
    },
    watch: async (resource, query, signal) => {
      const path = resourcePath(resource, { namespace: query.namespace }) + watchParameters(query);
      const response = await call.open({ method: 'GET', path }, 'reserved', signal);
      return readLines(response.chunks);
    },
    getRaw: (path, o) => call.text({ method: 'GET', path }, o),
  };
}

/** Every page; starts again once, in one piece, when the continue token expires half-way. */
export async function listAll<T extends KubeObject>(
  client: KubeClient,
  resource: ResourceType,
  query: ListQuery = {},
  options: CallOptions = {},
): Promise<ListPage<T>> {
  const items: T[] = [];
  let page = await client.listPage<T>(resource, query, options);
  items.push(...page.items);
  while (page.continueToken !== undefined) {
    // The first page fixed the resourceVersion; a request with a continue token may not name one.
    const next = { ...query, resourceVersion: undefined, resourceVersionMatch: undefined };
    try {
      page = await client.listPage<T>(resource, { ...next, continueToken: page.continueToken }, options);
    } catch (error) {
      if (!isGone(error)) throw error;
      return client.listPage<T>(resource, { ...next, limit: undefined }, options);
    }
    items.push(...page.items);
  }
  return { items, resourceVersion: page.resourceVersion };
}

type RawList<T> = {
  readonly items?: readonly T[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
};

/** JSON that is no list (a proxy's greeting, with 200) must not pass for an empty one: everything would count as deleted. */
function listPageFrom<T>(path: string, raw: RawList<T> | null): ListPage<T> {
  const token = raw?.metadata?.continue;
  const resourceVersion = raw?.metadata?.resourceVersion ?? '';
  if (!isResourceVersion(resourceVersion)) {
    throw new ApiError({
      status: 0,
      reason: 'BrokenAnswer',
      message: `GET ${path}: the answer is not a list`,
    });
  }
  return {
    items: raw?.items ?? [],
    resourceVersion,
    ...(token === undefined || token === '' ? {} : { continueToken: token }),
  };
}

function listParameters(query: ListQuery): string {
  return parameters({
    limit: query.limit,
    continue: query.continueToken,
    resourceVersion: query.resourceVersion,
    resourceVersionMatch: query.resourceVersionMatch,
    labelSelector: query.labelSelector,
  });
}

function watchParameters(query: WatchQuery): string {
  return parameters({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: query.resourceVersion,
    timeoutSeconds: query.timeoutSeconds,
    labelSelector: query.labelSelector,
  });
}

function parameters(values: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}
