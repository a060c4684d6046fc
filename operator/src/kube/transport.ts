/**
 * Sends HTTP requests to the API server over two pools that live as long as the process. The official client makes a dispatcher, and so
 * a TLS handshake, per request. Ordinary requests share the 'bulk' lane; watches and Lease renewals use 'reserved', so that neither waits
 * behind a flood of writes. Throws ApiError with status 0 when no answer came.
 */
import { Agent, request as undiciRequest } from 'undici';
import { ApiError } from './api-error.ts';
import type { ClusterAccess, Credentials } from './cluster-access.ts';
import { type Clock, systemClock } from './clock.ts';

export type Lane = 'bulk' | 'reserved';

export type TransportRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With query, from the server's root. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly lane: Lane;
  readonly signal: AbortSignal;
};

export type TransportResponse = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  text(): Promise<string>;
  readonly chunks: AsyncIterable<Uint8Array>;
};

export type Transport = {
  /** 'host:port', for metrics. */
  readonly host: string;
  send(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
};

/** Files are looked at again after this time. client-go re-reads a projected token after 60 s; the loader below us does, too. */
const credentialsMaxAgeMillis = 30_000;
/** Go's API server keeps idle connections for 90 s or more; we leave first, so no request meets a closing socket. */
const idleConnectionMillis = 60_000;
const connectTimeoutMillis = 10_000;

type Pools = { readonly credentials: Credentials; readonly lanes: Readonly<Record<Lane, Agent>> };

export function createTransport(
  access: ClusterAccess,
  options: { readonly connectionsMax?: number; readonly clock?: Clock } = {},
): Transport {
  const clock = options.clock ?? systemClock;
  const connectionsMax = options.connectionsMax ?? 16;
  const url = new URL(access.serverUrl);
  const prefix = url.pathname.replace(/\/+$/, '');
  let pools: Pools | undefined;
  let readAtMillis = Number.NEGATIVE_INFINITY;
  let reading: Promise<Pools> | undefined;

  async function refresh(): Promise<Pools> {
    const credentials = await access.credentials();
    const previous = pools;
    const sameTls =
      previous !== undefined && JSON.stringify(previous.credentials.tls) === JSON.stringify(credentials.tls);
    pools = { credentials, lanes: sameTls ? previous.lanes : createLanes(credentials, connectionsMax) };
    readAtMillis = clock.now();
    if (previous !== undefined && !sameTls) void closeLanes(previous.lanes);
    return pools;
  }

  /** One read at a time, however many requests find the credentials old. */
  function currentPools(): Pools | Promise<Pools> {
    if (pools !== undefined && clock.now() - readAtMillis < credentialsMaxAgeMillis) return pools;
    reading ??= refresh().finally(() => (reading = undefined));
    return reading;
  }

  return {
    host: url.host,
    async send(request) {
      try {
        const { credentials, lanes } = await currentPools();
        const response = await undiciRequest(url.origin + prefix + request.path, {
          method: request.method,
          headers: { ...credentials.headers, ...request.headers },
          ...(request.body === undefined ? {} : { body: request.body }),
          dispatcher: lanes[request.lane],
          signal: request.signal,
        });
        if (response.statusCode === 401) readAtMillis = Number.NEGATIVE_INFINITY;
        const retryAfter = response.headers['retry-after'];
        return {
          status: response.statusCode,
          retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
          text: () =>
            response.body.text().catch((error: unknown) => Promise.reject(noAnswer(error, request))),
          chunks: readChunks(response.body, request),
        };
      } catch (error) {
        throw noAnswer(error, request);
      }
    },
    async close() {
      const open = await Promise.resolve(reading ?? pools).catch(() => pools);
      if (open !== undefined) await Promise.all(Object.values(open.lanes).map((agent) => agent.destroy()));
    },
  };
}

async function* readChunks(
  body: AsyncIterable<Uint8Array>,
  request: TransportRequest,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw noAnswer(error, request);
  }
}

function noAnswer(error: unknown, request: TransportRequest): ApiError {
  const aborted = request.signal.aborted;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError(
    {
      status: 0,
      reason: aborted ? 'Aborted' : 'Unreachable',
      message: `${request.method} ${request.path}: ${detail}`,
    },
    { cause: error },
  );
}

/** allowH2 is explicit so that undici's major version does not decide. Time limits are the client's: it aborts. */
function createLanes(credentials: Credentials, connectionsMax: number): Record<Lane, Agent> {
  const { tls } = credentials;
  const common = {
    allowH2: false,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleConnectionMillis,
    keepAliveMaxTimeout: idleConnectionMillis,
    connect: {
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      ...(tls.servername === undefined ? {} : { servername: tls.servername }),
      ...(tls.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: tls.rejectUnauthorized }),
      timeout: connectTimeoutMillis,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    },
  };
  return { bulk: new Agent({ ...common, connections: connectionsMax }), reserved: new Agent(common) };
}

/** Waits for what is under way: a watch may live on for minutes on the old certificate. */
async function closeLanes(lanes: Readonly<Record<Lane, Agent>>): Promise<void> {
  await Promise.allSettled(Object.values(lanes).map((agent) => agent.close()));
}
