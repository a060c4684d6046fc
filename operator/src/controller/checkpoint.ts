import {
  abandonStepAnnotation,
  abandonedByAnnotation,
  orderSagaFinalizer,
} from '@sagamesh/contracts/order-saga';
import type { OrderSagaSpec, OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import type { Abandonment, Checkpoint, Recorded, Wishes } from '../saga/state.ts';
import { cutText } from './cut-text.ts';
import type { SagaObject } from './saga-object.ts';

/** From the stored object to what the core takes: wishes, what is recorded, and the checkpoint to start from. Pure. */

export function wishesOf(object: SagaObject, spec: OrderSagaSpec): Wishes {
  const step = object.metadata.annotations?.[abandonStepAnnotation];
  const by = object.metadata.annotations?.[abandonedByAnnotation];
  return {
    suspend: spec.suspend,
    cancel: spec.cancel,
    deleting: object.metadata.deletionTimestamp !== undefined,
    deadlineSeconds: spec.deadlineSeconds,
    ttlSecondsAfterFinished: spec.ttlSecondsAfterFinished,
    abandon: step ? { step, by: cutText(by ?? 'not stated; see the audit log', 128) } : null,
  };
}

export function recordedIn(object: SagaObject, status: OrderSagaStatus): Recorded {
  return {
    finalizer: object.metadata.finalizers?.includes(orderSagaFinalizer) ?? false,
    failure: status.failure ?? null,
    abandoned: abandonedIn(status),
    outcome: status.outcome ?? null,
  };
}

export function checkpointOf(status: OrderSagaStatus): Checkpoint {
  return {
    steps: (status.steps ?? []).map((step) => ({
      name: step.name,
      state: step.state,
      attempts: step.attempts,
      startedAtMillis: millis(step.startedAt),
      finishedAtMillis: millis(step.finishedAt),
      reason: step.reason ?? '',
      message: step.message ?? '',
    })),
    results: status.results ?? {},
    failure: status.failure ?? null,
    abandoned: abandonedIn(status),
    startedAtMillis: millis(status.startedAt),
    finishedAtMillis: millis(status.finishedAt),
  };
}

function abandonedIn(status: OrderSagaStatus): readonly Abandonment[] {
  return (status.abandoned ?? []).map(({ step, direction, by, at }) => ({
    step,
    direction,
    by,
    atMillis: Date.parse(at),
  }));
}

function millis(time: string | undefined): number | null {
  return time === undefined ? null : Date.parse(time);
}
