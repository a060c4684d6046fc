import type { FakeEvent, FakeObject } from '@sagamesh/operator/kube/testing/fake-objects';
import { textOf } from '@sagamesh/operator/kube/testing/fake-server';
import { sagaCollection } from './api-admission.ts';

/** What the API server saw, kept for the checkers: every version of every object, and who wrote with what success. */

export interface ApiEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  /** Virtual milliseconds since the start. */
  readonly atMillis: number;
  /** As it was stored then; of a deletion, the last state. */
  readonly object: FakeObject;
}

export interface ApiWrite {
  readonly atMillis: number;
  /** The host's name and which of its lives, e.g. `operator-1-2`; `user` for a person. */
  readonly who: string;
  readonly verb: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** 'group/version/plural' with its root, e.g. `apis/sagamesh.dev/v1alpha1/ordersagas`. */
  readonly collection: string;
  /** 'namespace/name'. */
  readonly key: string;
  readonly isStatus: boolean;
  /** It named the resourceVersion that it was decided on. */
  readonly isConditional: boolean;
  /** HTTP status of the answer, whether it arrived or not. */
  readonly status: number;
}

export class ApiRecord {
  readonly writes: ApiWrite[] = [];
  /** By collection, in order. */
  readonly #events = new Map<string, ApiEvent[]>();
  readonly #sagas = new Map<string, ApiEvent[]>();

  add(event: FakeEvent, atMillis: number): void {
    const { type, version, object, collection } = event;
    const entry: ApiEvent = { type, version, atMillis, object };
    push(this.#events, collection, entry);
    if (collection === sagaCollection) push(this.#sagas, textOf(object.metadata, 'uid'), entry);
  }

  /** All that happened to objects of the collection, e.g. `apis/coordination.k8s.io/v1/leases`. */
  eventsOf(collection: string): readonly ApiEvent[] {
    return this.#events.get(collection) ?? [];
  }

  /** By uid: what a watch from the beginning would have seen of each OrderSaga that ever was. */
  get sagas(): ReadonlyMap<string, readonly ApiEvent[]> {
    return this.#sagas;
  }
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
}
