import { orderSagaSpecSchema, orderSagaStatusSchema } from '@sagamesh/contracts/order-saga';
import type { OrderSagaSpec, OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import type { FakeObject } from '@sagamesh/operator/kube/testing/fake-objects';

/** Reads what is stored of an OrderSaga. What is stored never changes, so each spec and each status is read once, however many ask. */

const statuses = new WeakMap<object, OrderSagaStatus>();
const specs = new WeakMap<object, OrderSagaSpec>();
const noStatus: OrderSagaStatus = {};

export function statusOf({ status }: FakeObject): OrderSagaStatus {
  if (status === undefined) return noStatus;
  return readOnce(statuses, status, (raw) => orderSagaStatusSchema.parse(raw));
}

export function specOf({ spec }: FakeObject): OrderSagaSpec {
  return readOnce(specs, spec, (raw) => orderSagaSpecSchema.parse(raw));
}

function readOnce<T>(known: WeakMap<object, T>, raw: unknown, read: (raw: unknown) => T): T {
  if (typeof raw !== 'object' || raw === null) return read(raw);
  const before = known.get(raw);
  if (before !== undefined) return before;
  const value = read(raw);
  known.set(raw, value);
  return value;
}
