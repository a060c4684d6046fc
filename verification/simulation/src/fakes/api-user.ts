import { orderSagaGroup, orderSagaKind, orderSagaVersion } from '@sagamesh/contracts/order-saga';
import { isFakeObject, mergePatch, Refusal } from '@sagamesh/operator/kube/testing/fake-objects';
import type { FakeObject, FakeObjects, Json } from '@sagamesh/operator/kube/testing/fake-objects';
import { sagaCollection } from './api-admission.ts';
import type { ApiWrite } from './api-record.ts';

/** A person with kubectl: carried out at once, without a network in between. Whether it was refused is in the record of writes. */
export class ApiUser {
  readonly #objects: FakeObjects;
  readonly #namespace: string;
  readonly #tell: (write: Pick<ApiWrite, 'verb' | 'key' | 'isStatus' | 'status'>) => void;

  constructor(
    objects: FakeObjects,
    namespace: string,
    tell: (write: Pick<ApiWrite, 'verb' | 'key' | 'isStatus' | 'status'>) => void,
  ) {
    this.#objects = objects;
    this.#namespace = namespace;
    this.#tell = tell;
  }

  get(name: string): FakeObject | undefined {
    return this.#objects.find(sagaCollection, this.#key(name));
  }

  /** Creates, or changes the spec of what is there. */
  apply(name: string, spec: Readonly<Json>, annotations: Readonly<Record<string, string>> = {}): void {
    if (this.get(name) !== undefined) return this.#patch(name, { metadata: { annotations }, spec });
    return this.#try('POST', name, false, () => {
      this.#objects.create(sagaCollection, this.#key(name), {
        apiVersion: `${orderSagaGroup}/${orderSagaVersion}`,
        kind: orderSagaKind,
        metadata: { name, namespace: this.#namespace, annotations },
        spec,
      });
    });
  }

  patchSpec(name: string, patch: Readonly<Json>): void {
    return this.#patch(name, { spec: patch });
  }

  annotate(name: string, annotation: string, value: string): void {
    return this.#patch(name, { metadata: { annotations: { [annotation]: value } } });
  }

  delete(name: string): void {
    return this.#try('DELETE', name, false, () => {
      this.#objects.delete(sagaCollection, this.#key(name), {});
    });
  }

  /** Refused once there is an outcome. */
  wipeStatus(name: string): void {
    return this.#patch(name, { status: null }, true);
  }

  #patch(name: string, patch: Readonly<Json>, isStatus = false): void {
    return this.#try('PATCH', name, isStatus, () => {
      this.#objects.update(sagaCollection, this.#key(name), isStatus, (stored) => {
        const wanted = mergePatch(stored, patch);
        return isFakeObject(wanted) ? wanted : stored;
      });
    });
  }

  #try(verb: ApiWrite['verb'], name: string, isStatus: boolean, carryOut: () => void): void {
    const key = this.#key(name);
    try {
      carryOut();
      this.#tell({ verb, key, isStatus, status: verb === 'POST' ? 201 : 200 });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#tell({ verb, key, isStatus, status: error.status });
    }
  }

  #key(name: string): string {
    return `${this.#namespace}/${name}`;
  }
}
