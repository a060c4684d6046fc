/** One HTTP exchange with the API server: throttled, bounded in time, measured, reads retried a little. Used by client.ts alone. */
import { ApiError, apiErrorFrom } from './api-error.ts';
import { type Clock, type Random, sleep, systemClock } from './clock.ts';
import { createTokenBucket } from './token-bucket.ts';
import type { Lane, Transport, TransportRequest, TransportResponse } from './transport.ts';

export type CallOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMillis?: number | undefined;
};

export type ClientObserver = {
  /** `code` is the HTTP status, or '<error>' when there was no answer. */
  requestDone(request: {
    readonly method: string;
    readonly code: string;
    readonly host: string;
    readonly durationMillis: number;
  }): void;
};

export type KubeClientOptions = {
  readonly limiter?: { readonly qps: number; readonly burst: number } | 'off';
  readonly lane?: Lane;
  readonly requestTimeoutMillis?: number;
  readonly userAgent?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly observer?: ClientObserver;
};

/** client-go's defaults (5/10) throttle an operator at 400 objects (kedacore/keda#6789); the API server has its own fairness. */
const defaultLimiter = { qps: 50, burst: 100 } as const;
const requestTimeoutMillis = 10_000;
const readAttemptsMax = 4;
const readBackoffMillis = 200;
/** A Retry-After beyond it is left to the caller's own backoff. */
const retryAfterMaxMillis = 5_000;

export type Call = Omit<TransportRequest, 'lane' | 'signal' | 'headers'> & { readonly contentType?: string };

export type Caller = {
  /** The whole body of a successful answer; reads are retried. */
  text(request: Call, options?: CallOptions): Promise<string>;
  /** A successful answer whose body goes on. */
  open(request: Call, lane: Lane, signal: AbortSignal): Promise<TransportResponse>;
};

export function createCaller(transport: Transport, options: KubeClientOptions): Caller {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const bucket = options.limiter === 'off' ? undefined : createTokenBucket(options.limiter ?? defaultLimiter);
  const userAgent = options.userAgent ?? 'sagamesh-operator';

  async function once<R>(
    request: Call,
    lane: Lane,
    callOptions: CallOptions,
    finish: (response: TransportResponse, deadline: Deadline) => Promise<R>,
  ): Promise<R> {
    const waitMillis = bucket?.reserve(clock.now()) ?? 0;
    if (waitMillis > 0) await sleep(clock, waitMillis, callOptions.signal);
    const startedMillis = clock.now();
    const timeoutMillis = callOptions.timeoutMillis ?? options.requestTimeoutMillis ?? requestTimeoutMillis;
    const deadline = createDeadline(clock, timeoutMillis, callOptions.signal);
    let code = '<error>';
    try {
      const { contentType = 'application/json', ...rest } = request;
      const headers = {
        accept: 'application/json',
        'user-agent': userAgent,
        ...(request.body === undefined ? {} : { 'content-type': contentType }),
      };
      const response = await transport.send({ ...rest, headers, lane, signal: deadline.signal });
      code = String(response.status);
      if (response.status >= 300) {
        throw apiErrorFrom(response.status, await response.text(), response.retryAfter, clock.wallMillis());
      }
      return await finish(response, deadline);
    } catch (error) {
      deadline.end();
      throw deadline.passed() ? timeoutError(request, error) : error;
    } finally {
      const durationMillis = clock.now() - startedMillis;
      options.observer?.requestDone({ method: request.method, code, host: transport.host, durationMillis });
    }
  }

  return {
    async text(request, callOptions = {}) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await once(request, options.lane ?? 'bulk', callOptions, readText);
        } catch (error) {
          const waitMillis = retryDelay(request, error, attempt, random);
          if (waitMillis === undefined) throw error;
          await sleep(clock, waitMillis, callOptions.signal);
        }
      }
    },
    open: (request, lane, signal) => once(request, lane, { signal }, keepOpen),
  };
}

async function readText(response: TransportResponse, deadline: Deadline): Promise<string> {
  const text = await response.text();
  deadline.end();
  return text;
}

function keepOpen(response: TransportResponse, deadline: Deadline): Promise<TransportResponse> {
  deadline.lift();
  return Promise.resolve(response);
}

/** How long to wait before the same read; undefined: do not. */
function retryDelay(request: Call, error: unknown, attempt: number, random: Random): number | undefined {
  if (request.method !== 'GET' || attempt >= readAttemptsMax || !(error instanceof ApiError))
    return undefined;
  const backoffMillis = readBackoffMillis * 2 ** (attempt - 1) * (1 + random());
  if (error.reason === 'Unreachable') return backoffMillis;
  if (error.status !== 429 || error.retryAfterMillis === undefined) return undefined;
  return error.retryAfterMillis > retryAfterMaxMillis ? undefined : error.retryAfterMillis + backoffMillis;
}

type Deadline = {
  readonly signal: AbortSignal;
  passed(): boolean;
  /** No time limit from here; the caller's signal still aborts. The owner of a watch gives each watch its own signal. */
  lift(): void;
  end(): void;
};

/** One abort for the caller's signal and the time limit, which can say afterwards whether it was the limit. */
function createDeadline(clock: Clock, timeoutMillis: number, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let passed = false;
  const lift = clock.schedule(timeoutMillis, () => {
    passed = true;
    abort();
  });
  if (outer?.aborted === true) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    passed: () => passed,
    lift,
    end: () => {
      lift();
      outer?.removeEventListener('abort', abort);
    },
  };
}

function timeoutError(request: Call, cause: unknown): ApiError {
  const message = `${request.method} ${request.path}: no complete answer in time`;
  return new ApiError({ status: 0, reason: 'Timeout', message }, { cause });
}
