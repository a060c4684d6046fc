import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { keyOf, parseKey } from '../kube/kube-object.ts';
import type { KubeObject } from '../kube/kube-object.ts';
import type { Store } from '../kube/store.ts';
import type { SagaStore } from './ports.ts';
import { orderSagaResource, toSagaObject } from './saga-object.ts';
import type { SagaObject } from './saga-object.ts';

/** OrderSagas at the API server: read from the cache, written with uid and resourceVersion, and every answer fed back into the cache. */
export function createKubeSagaStore(client: KubeClient, cache: Store<SagaObject>): SagaStore {
  const keep = (raw: KubeObject) => cache.observeWrite(toSagaObject(raw, cache.get(keyOf(raw.metadata))));
  return {
    get: (key) => cache.get(key),
    async refresh(key) {
      try {
        keep(await client.get(orderSagaResource, parseKey(key)));
      } catch (error) {
        // Gone: the watch takes it out of the cache, and that wakes us.
        if (!isNotFound(error)) throw error;
      }
    },
    async patchFinalizers(object, finalizers) {
      const patch = { metadata: { ...preconditions(object), finalizers } };
      keep(await client.mergePatch(orderSagaResource, object.metadata, patch));
    },
    async patchStatus(object, status) {
      const patch = { metadata: preconditions(object), status };
      keep(await client.mergePatchStatus(orderSagaResource, object.metadata, patch));
    },
    async delete(object) {
      await client.delete(orderSagaResource, object.metadata, preconditions(object));
    },
  };
}

function preconditions({ metadata }: SagaObject): { readonly uid: string; readonly resourceVersion: string } {
  return { uid: metadata.uid, resourceVersion: metadata.resourceVersion };
}
