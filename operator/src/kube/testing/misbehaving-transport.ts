/**
 * A wire that loses, delays, repeats and lies on command. It stands in front of any transport, the fake's or that of a real kube-apiserver,
 * so that the same misdeeds are tried on both. It also freezes: nothing goes out and no answer comes in, as for a stopped process.
 */
import type { Transport, TransportRequest, TransportResponse } from '../transport.ts';
import type { Freezer } from './freezer.ts';
import { type LineFate, TappedWatch, lost } from './tapped-watch.ts';

export type Call = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly atMillis: number;
  /** HTTP status as the caller got it; undefined: no answer (yet). */
  status: number | undefined;
};

export type Misdeed =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly reason?: string;
      readonly retryAfter?: string;
      readonly body?: string;
    }
  /** The request does not arrive. */
  | { readonly kind: 'requestLost' }
  /** The request is carried out and the answer gets lost. */
  | { readonly kind: 'answerLost' }
  /** Nothing ever comes back. */
  | { readonly kind: 'hang' }
  /** Reaches the server only when this resolves. */
  | { readonly kind: 'slowRequest'; readonly until: Promise<void> }
  /** Carried out at once, answered when this resolves. */
  | { readonly kind: 'slowAnswer'; readonly until: Promise<void> }
  /** Carried out, and the answer's text is changed on its way. */
  | { readonly kind: 'rewrite'; readonly text: (text: string) => string };

export class MisbehavingTransport implements Transport {
  readonly host: string;
  readonly calls: Call[] = [];
  /** The open ones, oldest first. */
  readonly watches = new Set<TappedWatch>();
  /** Asked for every request; undefined lets it through. */
  misdeed: (call: Call) => Misdeed | undefined = () => undefined;
  /** Asked for every line of every watch. */
  fateOfLine: (line: string) => LineFate = () => 'pass';
  readonly #inner: Transport;
  readonly #now: () => number;
  readonly #freezer: Freezer | undefined;

  constructor(inner: Transport, now: () => number, freezer?: Freezer) {
    this.#inner = inner;
    this.#now = now;
    this.#freezer = freezer;
    this.host = inner.host;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  behave(): void {
    this.misdeed = () => undefined;
    this.fateOfLine = () => 'pass';
  }

  /** The watch that is open now. */
  watch(): TappedWatch {
    const [first] = this.watches;
    if (first === undefined) throw new Error('nobody watches');
    return first;
  }

  lists(): readonly Call[] {
    return this.calls.filter((call) => isList(call) && !call.query.has('continue'));
  }

  watchCalls(): readonly Call[] {
    return this.calls.filter(isWatch);
  }

  writes(): readonly Call[] {
    return this.calls.filter((call) => call.method !== 'GET');
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    await this.#freezer?.whenThawed();
    const url = new URL(request.path, 'https://any');
    const call: Call = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      body: request.body ?? '',
      atMillis: this.#now(),
      status: undefined,
    };
    this.calls.push(call);
    const response = await this.#answer(request, call);
    await this.#freezer?.whenThawed();
    call.status = response.status;
    return response;
  }

  async #answer(request: TransportRequest, call: Call): Promise<TransportResponse> {
    const misdeed = this.misdeed(call);
    switch (misdeed?.kind) {
      case 'requestLost':
        throw lost();
      case 'hang':
        return untilAborted(request.signal);
      case 'answer':
        return madeUp(misdeed.status, misdeed.body ?? statusBody(misdeed), misdeed.retryAfter);
      case 'answerLost':
        await (await this.#inner.send(request)).text();
        throw lost();
      case 'slowRequest':
        await misdeed.until;
        return this.#inner.send({ ...request, signal: new AbortController().signal });
      case 'slowAnswer': {
        const text = await keep(await this.#inner.send({ ...request, signal: new AbortController().signal }));
        await Promise.race([misdeed.until, untilAborted(request.signal)]);
        return text;
      }
      case 'rewrite': {
        const response = await this.#inner.send(request);
        return madeUp(response.status, misdeed.text(await response.text()), response.retryAfter);
      }
      case undefined:
        return isWatch(call) ? this.#tap(request) : this.#inner.send(request);
    }
  }

  async #tap(request: TransportRequest): Promise<TransportResponse> {
    const inner = new AbortController();
    const tapped = new TappedWatch(
      (line) => this.fateOfLine(line),
      () => {
        this.watches.delete(tapped);
        inner.abort();
      },
    );
    request.signal.addEventListener('abort', () => tapped.cut(lost('Aborted')), { once: true });
    const response = await this.#inner.send({ ...request, signal: inner.signal });
    if (response.status >= 300) return response;
    this.watches.add(tapped);
    void tapped.follow(response.chunks);
    return { ...response, chunks: tapped.chunks() };
  }
}

export function isWatch({ query }: Call): boolean {
  return query.get('watch') === 'true';
}

/** Of a collection of widgets, whose last part is its plural. */
export function isList(call: Call): boolean {
  return call.method === 'GET' && !isWatch(call) && call.path.endsWith('/widgets');
}

async function keep(response: TransportResponse): Promise<TransportResponse> {
  return madeUp(response.status, await response.text(), response.retryAfter);
}

function madeUp(status: number, body: string, retryAfter: string | undefined): TransportResponse {
  return { status, retryAfter, text: () => Promise.resolve(body), chunks: inOnePiece(body) };
}

async function* inOnePiece(body: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(body));
}

function statusBody({ status, reason }: { readonly status: number; readonly reason?: string }): string {
  return JSON.stringify({ kind: 'Status', status: 'Failure', code: status, reason });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(lost('Aborted'));
    signal.addEventListener('abort', () => reject(lost('Aborted')), { once: true });
  });
}
