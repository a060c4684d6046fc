import { isRecord } from '@sagamesh/operator/kube/testing/fake-objects';
import type { FakeObject } from '@sagamesh/operator/kube/testing/fake-objects';
import {
  FakeServer,
  keyOf,
  noAnswer,
  parsePlace,
  readRequest,
  refusedOr,
  response,
  statusText,
} from '@sagamesh/operator/kube/testing/fake-server';
import type { SeenRequest } from '@sagamesh/operator/kube/testing/fake-server';
import type { Transport, TransportRequest, TransportResponse } from '@sagamesh/operator/kube/transport';
import type { SimProcess } from '../kernel/host.ts';
import type { SeededRandom } from '../kernel/random.ts';
import { simulationEpochMillis } from '../kernel/sim.ts';
import type { Sim } from '../kernel/sim.ts';
import { admitSaga, sagaCollection } from './api-admission.ts';
import { ApiRecord } from './api-record.ts';
import type { ApiWrite } from './api-record.ts';
import { ApiUser } from './api-user.ts';
import { ApiWatches } from './api-watches.ts';

/**
 * The Kubernetes API server of a run. Its faults do only what a real one may do: a write that lost a race, a busy or broken server, a request or
 * an answer that is lost, a list from a watch cache that lags, forgotten history, watches that are late, cut or dead.
 */

type Verb = ApiWrite['verb'];
const touchedAnnotation = 'simulation.sagamesh.dev/touched';
const userNamespace = 'shop';
/** The request or its answer is lost: the client hears nothing until it gives up. */
const silence = Symbol('silence');

export class SimApi {
  readonly record = new ApiRecord();
  readonly #sim: Sim;
  readonly #server: FakeServer;
  readonly #watches: ApiWatches;
  readonly #random: SeededRandom;
  #touches = 0;

  constructor(sim: Sim) {
    this.#sim = sim;
    this.#random = sim.fork('api');
    const uids = sim.fork('api-uids');
    this.#server = new FakeServer({
      newUid: () => uids.uuid(),
      wallMillis: () => simulationEpochMillis + sim.nowMillis,
      admit: admitSaga,
    });
    const { objects } = this.#server;
    this.#watches = new ApiWatches(sim, () => objects.version);
    objects.onEvent = (event) => {
      sim.trace.add(sim.nowMillis, 'api', `${event.type} ${event.version}`);
      this.record.add(event, sim.nowMillis);
      this.#watches.tellAll(event);
    };
    sim.faults.onMoment('api.compact', () => this.#server.compact());
  }

  connect(process: SimProcess): Transport {
    return {
      host: 'api.simulation:443',
      send: (request) => this.#send(process, request),
      close: () => Promise.resolve(),
    };
  }

  /** kubectl in the namespace `shop`. */
  asUser(): ApiUser {
    return new ApiUser(this.#server.objects, userNamespace, (write) => this.#recordUser(write));
  }

  /** What is stored now, e.g. of `apis/events.k8s.io/v1/events`. */
  list(collection: string): readonly FakeObject[] {
    return this.#server.objects.list(collection, undefined);
  }

  get watchers(): number {
    return this.#watches.size;
  }

  #recordUser(write: Pick<ApiWrite, 'verb' | 'key' | 'isStatus' | 'status'>): void {
    const { nowMillis, trace } = this.#sim;
    trace.add(nowMillis, 'user', `${write.verb} ${write.key} ${write.status}`);
    this.record.writes.push({
      ...write,
      atMillis: nowMillis,
      who: 'user',
      collection: sagaCollection,
      isConditional: false,
    });
  }

  #send(process: SimProcess, request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      const { signal, method, path } = request;
      const giveUp = (): void => reject(noAnswer('Aborted'));
      if (signal.aborted) return giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      const kind = method === 'GET' ? 'apiRead' : 'apiWrite';
      process
        .effect(kind, `${method} ${path}`, () => this.#serve(process, request))
        .then((answer) => {
          if (answer === silence) return;
          signal.removeEventListener('abort', giveUp);
          resolve(answer);
        })
        .catch(reject);
    });
  }

  #serve(process: SimProcess, request: TransportRequest): TransportResponse | typeof silence {
    const { faults } = this.#sim;
    if (faults.bites('api.away', process.name)) throw noAnswer('Unreachable');
    if (faults.bites('api.lostRequest', process.name)) return silence;
    if (faults.bites('api.tooManyRequests', process.name)) {
      return response(429, statusText(429, 'TooManyRequests'), String(this.#random.int(1, 3)));
    }
    if (faults.bites('api.serverError', process.name)) {
      return response(500, statusText(500, 'InternalError'));
    }
    const seen = readRequest(request);
    if (seen.method === 'GET') return this.#read(process, seen, request.signal);
    return this.#write(process, seen);
  }

  #read(process: SimProcess, seen: SeenRequest, signal: AbortSignal): TransportResponse {
    if (seen.query.get('watch') === 'true') {
      return refusedOr(() => {
        const past = this.#server.eventsFrom(seen.query);
        return { ...response(200, ''), chunks: this.#watches.open(process, seen, signal, past).chunks() };
      });
    }
    return this.#server.answer(seen, this.#lag(process, seen));
  }

  /**
   * How old the watch cache is that answers a list. Only where the request allows it: a list without a resourceVersion is a consistent read,
   * '0' takes anything, another one anything that is not older. A cache that is not there yet says so (504, ResourceVersionTooLarge).
   */
  #lag(process: SimProcess, { query, path }: SeenRequest): number | undefined {
    const atLeast = query.get('resourceVersion');
    if (atLeast === null || query.has('continue') || parsePlace(path).name !== undefined) return undefined;
    const newest = this.#server.objects.version;
    const oldest = Number(atLeast);
    if (oldest >= newest || !this.#sim.faults.bites('api.staleList', process.name)) return undefined;
    const isBehind = oldest > 0 && this.#random.chance(0.3);
    return isBehind ? oldest - 1 : this.#random.int(oldest, newest - 1);
  }

  #write(process: SimProcess, seen: SeenRequest): TransportResponse | typeof silence {
    const { faults, trace, nowMillis } = this.#sim;
    const place = parsePlace(seen.path);
    const key = keyOf(place, seen.body);
    const isConditional = preconditionOf(seen) !== undefined;
    if (isConditional) this.#raceWith(process, place.collection, key, seen);
    const answer = this.#server.answer(seen);
    trace.add(nowMillis, 'api', `${answer.status} to ${process.nonce}`);
    this.record.writes.push({
      atMillis: nowMillis,
      who: process.nonce,
      verb: verbOf(seen.method),
      collection: place.collection,
      key,
      isStatus: place.isStatus,
      isConditional,
      status: answer.status,
    });
    if (!faults.bites('api.appliedButTimedOut', process.name)) return answer;
    // The server itself may give up waiting for its store, the connection may break, or nothing is ever heard.
    const way = this.#random.int(0, 2);
    if (way === 0) return response(504, statusText(504, 'Timeout'));
    if (way === 1) throw noAnswer('Unreachable');
    return silence;
  }

  /** Somebody else writes right before: a change that means nothing to anybody, but a new resourceVersion. */
  #raceWith(process: SimProcess, collection: string, key: string, seen: SeenRequest): void {
    const { objects } = this.#server;
    const stored = objects.find(collection, key);
    if (stored?.metadata['resourceVersion'] !== preconditionOf(seen)) return;
    if (stored === undefined || !this.#sim.faults.bites('api.conflict', process.name)) return;
    this.#touches += 1;
    const touched = String(this.#touches);
    objects.update(collection, key, false, ({ metadata, ...rest }) => {
      const annotations = isRecord(metadata['annotations']) ? metadata['annotations'] : {};
      return {
        ...rest,
        metadata: { ...metadata, annotations: { ...annotations, [touchedAnnotation]: touched } },
      };
    });
  }
}

function preconditionOf({ body }: SeenRequest): unknown {
  const holder = isRecord(body['preconditions']) ? body['preconditions'] : body['metadata'];
  return isRecord(holder) ? holder['resourceVersion'] : undefined;
}

function verbOf(method: string): Verb {
  if (method === 'POST' || method === 'PUT' || method === 'PATCH') return method;
  return 'DELETE';
}
