import { orderSagaSpecSchema } from '@sagamesh/contracts/order-saga';
import type { OrderSagaSpec, OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import type { Order } from '@sagamesh/contracts/order';
import type { KubeObject, ObjectMeta } from '../../kube/kube-object.ts';
import { toSagaObject } from '../saga-object.ts';
import type { SagaObject } from '../saga-object.ts';

/** OrderSagas for tests: each call shows only what differs from a usual one. */

export const sagaUid = '0b5a7c1e-7d52-4c39-9f0e-2f4f1d1f0a11';

export const anOrder: Order = {
  id: 'order-1',
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 }],
  paymentMethod: 'pm_card_visa',
};

/** reserve and charge before the pivot, confirm the pivot, settle after it: every kind of step, and few of them. */
export const plainSteps = [
  { name: 'reserve', service: 'inventory', execute: 'reserve', compensate: 'release' },
  { name: 'charge', service: 'payment', execute: 'charge', compensate: 'refund' },
  { name: 'confirm', service: 'order', execute: 'confirm', pivot: true },
  { name: 'settle', service: 'inventory', execute: 'settle' },
];

/** As it is stored: an object of plain JSON, defaults filled in as the API server does. */
export function storedSpec(change: Readonly<Record<string, unknown>> = {}): OrderSagaSpec {
  return orderSagaSpecSchema.parse({ order: anOrder, steps: plainSteps, ...change });
}

export interface RawSaga extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

export function rawSaga(
  change: {
    readonly metadata?: Partial<ObjectMeta>;
    readonly spec?: unknown;
    readonly status?: unknown;
  } = {},
): RawSaga {
  return {
    metadata: {
      name: 'order-1',
      namespace: 'shop',
      uid: sagaUid,
      resourceVersion: '100',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...change.metadata,
    },
    spec: 'spec' in change ? change.spec : storedSpec(),
    ...('status' in change ? { status: change.status } : {}),
  };
}

export function sagaObject(change: Parameters<typeof rawSaga>[0] = {}): SagaObject {
  return toSagaObject(rawSaga(change));
}

export function openContent(object: SagaObject): {
  readonly spec: OrderSagaSpec;
  readonly status: OrderSagaStatus;
} {
  if (object.content.kind !== 'open') throw new Error(`the saga is ${object.content.kind}`);
  return object.content;
}
