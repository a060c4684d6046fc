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
import type { Outcome, OrderSagaSpec, OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import type { KubeObject, ObjectMeta, ResourceType } from '../kube/kube-object.ts';
import { cutText } from './cut-text.ts';

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
      /** Kept only while it does not speak of the spec as it is now. */
      readonly outdated: OrderSagaStatus | null;
    }
  | { readonly kind: 'invalid'; readonly problem: string; readonly status: OrderSagaStatus };

export interface SagaObject extends KubeObject {
  readonly content: SagaContent;
}

interface RawSaga extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

const ttlSecondsByDefault = orderSagaSpecSchema.shape.ttlSecondsAfterFinished.parse(undefined);

const annotationsWeRead = [abandonStepAnnotation, abandonedByAnnotation, correlationIdAnnotation];

/** `known`: what is cached under its name. Its spec is taken over while the generation is the same, which means that the spec is, too. */
export function toSagaObject(raw: RawSaga, known?: SagaObject): SagaObject {
  return { metadata: slimMetadata(raw.metadata), content: readContent(raw, known) };
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

function readContent(raw: RawSaga, known: SagaObject | undefined): SagaContent {
  const status = readStatus(raw.status);
  const spec = readSpec(raw, known);
  if (status.outcome && !raw.metadata.finalizers?.includes(orderSagaFinalizer)) {
    return endedContent(raw.metadata, status, status.outcome, spec.data);
  }
  if (!spec.success) {
    const issue = spec.error.issues[0];
    const problem = `spec.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'cannot be read'}`;
    return { kind: 'invalid', problem: cutText(problem, 256), status };
  }
  return { kind: 'open', spec: spec.data, status };
}

function readSpec(raw: RawSaga, known: SagaObject | undefined) {
  const { uid, generation } = raw.metadata;
  const isSame = known?.metadata.uid === uid && known.metadata.generation === generation;
  if (generation !== undefined && isSame && known.content.kind === 'open') {
    return { success: true, data: known.content.spec } as const;
  }
  return orderSagaSpecSchema.safeParse(raw.spec);
}

/** Ended is ended, whatever admission thinks of the spec by now. */
function endedContent(
  metadata: ObjectMeta,
  status: OrderSagaStatus,
  outcome: Outcome,
  spec: OrderSagaSpec | undefined,
): SagaContent {
  const ttlSeconds = spec?.ttlSecondsAfterFinished ?? ttlSecondsByDefault;
  const endedAt = status.finishedAt ?? metadata.creationTimestamp ?? '';
  return {
    kind: 'ended',
    cancel: spec?.cancel ?? false,
    completed: outcome === 'Completed',
    expiresAtMillis: (Date.parse(endedAt) || 0) + ttlSeconds * 1_000,
    outdated: status.observedGeneration === (metadata.generation ?? 1) ? null : status,
  };
}

/**
 * A status that cannot be read as a whole (another version wrote it, or a person) is read key by key: most of it is a projection and is built
 * anew, but the outcome is final, and a cause that was recorded stays recorded.
 */
function readStatus(raw: unknown): OrderSagaStatus {
  const whole = orderSagaStatusSchema.safeParse(raw ?? {});
  if (whole.success) return whole.data;
  if (typeof raw !== 'object' || raw === null) return {};
  const readable = Object.entries(raw).filter(
    ([key, value]) => orderSagaStatusSchema.safeParse({ [key]: value }).success,
  );
  return orderSagaStatusSchema.parse(Object.fromEntries(readable));
}
