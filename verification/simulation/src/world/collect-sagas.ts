import { abandonStepAnnotation } from '@sagamesh/contracts/order-saga';
import type { SagaFact, SagaVersion } from '@sagamesh/invariants/facts';
import type { SimApi } from '../fakes/api.ts';
import type { ApiEvent } from '../fakes/api-record.ts';
import { specOf, statusOf } from '../fakes/stored-saga.ts';

/** Every OrderSaga that ever was, with every version that was stored of it. */

export function readSagas(api: SimApi): readonly SagaFact[] {
  const edited = new Set(
    api.record.writes
      .filter(({ who, isStatus, status }) => who === 'user' && isStatus && status === 200)
      .map(({ key, atMillis }) => `${key} ${atMillis}`),
  );
  return [...api.record.sagas].map(([uid, events]) => readSaga(uid, events, edited));
}

function readSaga(uid: string, events: readonly ApiEvent[], edited: ReadonlySet<string>): SagaFact {
  const versions = events
    .filter(({ type }) => type !== 'DELETED' || events.length === 1)
    .map((event) => readVersion(event, edited));
  const first = events[0];
  return {
    uid,
    name: String(first?.object.metadata['name']),
    createdAtMillis: first?.atMillis ?? 0,
    versions,
    gone: events.at(-1)?.type === 'DELETED',
  };
}

function readVersion({ object, atMillis }: ApiEvent, edited: ReadonlySet<string>): SagaVersion {
  const { metadata } = object;
  const annotations = metadata['annotations'];
  const abandonStep =
    typeof annotations === 'object' && annotations !== null && abandonStepAnnotation in annotations
      ? String(annotations[abandonStepAnnotation])
      : undefined;
  const finalizers = metadata['finalizers'];
  return {
    position: atMillis,
    atMillis,
    generation: Number(metadata['generation']),
    spec: specOf(object),
    status: statusOf(object),
    finalizers: Array.isArray(finalizers) ? finalizers.map(String) : [],
    deleting: metadata['deletionTimestamp'] !== undefined,
    ...(abandonStep === undefined ? {} : { abandonStep }),
    ...(edited.has(`${String(metadata['namespace'])}/${String(metadata['name'])} ${atMillis}`)
      ? { statusEditedByUser: true }
      : {}),
  };
}
