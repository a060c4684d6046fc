import {
  abandonStepAnnotation,
  abandonedByAnnotation,
  correlationIdAnnotation,
  orderSagaFinalizer,
  orderSagaGroup,
  orderSagaPlural,
  orderSagaSpecSchema,
  orderSagaStatusSchema,
  orderSagaVersion,
} from '@sagamesh/contracts/order-saga';
import type { OrderSagaSpec, OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import type { KubeObject, ObjectMeta, ResourceType } from '../kube/kube-object.ts';

/** The OrderSaga as the operator caches it: parsed once, and only what is looked at, because thousands of them stay in memory. */

export const orderSagaResource: ResourceType = {
  group: orderSagaGroup,
  version: orderSagaVersion,
  plural: orderSagaPlural,
};

export type SagaContent =
  | { readonly kind: 'open'; readonly spec: OrderSagaSpec; readonly status: OrderSagaStatus }
  /** Said and done: outcome recorded, finalizer released. All that is left is to expire. */
  | {
      readonly kind: 'ended';
      readonly cancel: boolean;
      readonly completed: boolean;
      readonly expiresAtMillis: number;
    }
  | { readonly kind: 'invalid'; readonly problem: string; readonly status: OrderSagaStatus };

export interface SagaObject extends KubeObject {
  readonly content: SagaContent;
}

interface RawSaga extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

const annotationsWeRead = [abandonStepAnnotation, abandonedByAnnotation, correlationIdAnnotation];

export function toSagaObject(raw: RawSaga): SagaObject {
  return { metadata: slimMetadata(raw.metadata), content: readContent(raw) };
}

function slimMetadata(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } =
    metadata;
  const annotations: Record<string, string> = {};
  for (const key of annotationsWeRead) {
    const value = metadata.annotations?.[key];
    if (value !== undefined) annotations[key] = value;
  }
  return {
    name,
    uid,
    resourceVersion,
    ...(namespace === undefined ? {} : { namespace }),
    ...(generation === undefined ? {} : { generation }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(metadata.finalizers?.length ? { finalizers: metadata.finalizers } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}

function readContent(raw: RawSaga): SagaContent {
  // A status that cannot be read is as good as a wiped one: it is a projection, and is built anew.
  const parsedStatus = orderSagaStatusSchema.safeParse(raw.status ?? {});
  const status = parsedStatus.success ? parsedStatus.data : {};
  const spec = orderSagaSpecSchema.safeParse(raw.spec);
  if (!spec.success) {
    const issue = spec.error.issues[0];
    const problem = `spec.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'cannot be read'}`;
    return { kind: 'invalid', problem: problem.slice(0, 256), status };
  }
  if (status.outcome && status.finishedAt && !raw.metadata.finalizers?.includes(orderSagaFinalizer)) {
    return {
      kind: 'ended',
      cancel: spec.data.cancel,
      completed: status.outcome === 'Completed',
      expiresAtMillis: Date.parse(status.finishedAt) + spec.data.ttlSecondsAfterFinished * 1_000,
    };
  }
  return { kind: 'open', spec: spec.data, status };
}
