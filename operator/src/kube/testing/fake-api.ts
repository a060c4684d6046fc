/**
 * A small API server at the transport port, without sockets, that misbehaves on command. Its honest part passes the same behaviour suites
 * as a real kube-apiserver (*.behaviour.ts); only what those suites and the kernel need is here.
 */
import type { Transport, TransportRequest, TransportResponse } from '../transport.ts';
import type { FakeObjects } from './fake-objects.ts';
import {
  FakeServer,
  type SeenRequest,
  noAnswer,
  parsePlace,
  readRequest,
  refusedOr,
  response,
  statusText,
} from './fake-server.ts';
import { FakeWatch } from './fake-watch.ts';

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

export class FakeApi {
  readonly requests: SeenRequest[] = [];
  /** Asked for every request; undefined lets it through. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  readonly watches = new Set<FakeWatch>();
  readonly transport: Transport = {
    host: 'fake:443',
    send: (request) => this.#send(request),
    close: () => Promise.resolve(),
  };
  readonly #server = new FakeServer();

  constructor() {
    this.objects.onEvent = (event) => {
      for (const watch of this.watches) watch.deliver(event);
    };
  }

  get objects(): FakeObjects {
    return this.#server.objects;
  }

  /** Forgets history: older watches and continue tokens get 410. */
  compact(): void {
    this.#server.compact();
  }

  requestsTo(method: string, part: string): SeenRequest[] {
    return this.requests.filter((request) => request.method === method && request.path.includes(part));
  }

  async #send(request: TransportRequest): Promise<TransportResponse> {
    const seen = readRequest(request);
    this.requests.push(seen);
    if (request.signal.aborted) throw noAnswer('Aborted');
    const fault = this.fault(seen);
    switch (fault?.kind) {
      case 'unreachable':
        throw noAnswer('Unreachable');
      case 'hang':
        return untilAborted(request.signal);
      case 'answer':
        return response(
          fault.status,
          fault.body ?? statusText(fault.status, fault.reason ?? 'Unknown'),
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
    if (request.query.get('watch') === 'true') return refusedOr(() => this.#watch(request, signal));
    return this.#server.answer(request);
  }

  #watch(request: SeenRequest, signal: AbortSignal): TransportResponse {
    const events = this.#server.eventsFrom(request.query);
    const watch = new FakeWatch(parsePlace(request.path), () => this.watches.delete(watch), signal);
    this.watches.add(watch);
    for (const event of events) watch.deliver(event);
    return { ...response(200, ''), chunks: watch.chunks() };
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(noAnswer('Aborted')));
  });
}
