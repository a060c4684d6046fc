import {
  defaultPlan,
  orderSagaGroup,
  orderSagaPlural,
  orderSagaSpecSchema,
  orderSagaStatusSchema,
  orderSagaVersion,
} from '@sagamesh/contracts/order-saga';
import { Refusal, sameJson } from '@sagamesh/operator/kube/testing/fake-objects';
import type { Admission, FakeObject } from '@sagamesh/operator/kube/testing/fake-objects';
import type { z } from 'zod';

/** What the OrderSaga's CRD does at the API server: fills in defaults, prunes, checks bounds, and keeps what is immutable. */

export const sagaCollection = `apis/${orderSagaGroup}/${orderSagaVersion}/${orderSagaPlural}`;

const storedSpecSchema = orderSagaSpecSchema.extend({
  steps: orderSagaSpecSchema.shape.steps.prefault([...defaultPlan]),
});

/** Rules about changes: packages/contracts, `orderSagaRules`. What did not change is not looked at again. */
export const admitSaga: Admission = (collection, wanted, stored) => {
  if (collection !== sagaCollection) return wanted;
  const spec = sameJson(wanted['spec'], stored?.['spec']) ? stored?.['spec'] : admitSpec(wanted, stored);
  const status = wanted['status'] === stored?.['status'] ? wanted['status'] : admitStatus(wanted, stored);
  return { ...wanted, spec, ...(status === undefined ? {} : { status }) };
};

function admitSpec(wanted: FakeObject, stored: FakeObject | undefined): unknown {
  const spec = parsed(storedSpecSchema, wanted['spec'], 'spec');
  if (stored === undefined) return spec;
  const before = storedSpecSchema.parse(stored['spec']);
  if (!sameJson(spec.order, before.order)) throw refused('spec.order');
  if (!sameJson(spec.steps, before.steps)) throw refused('spec.steps');
  if (before.cancel && !spec.cancel) throw refused('spec.cancel');
  return spec;
}

function admitStatus(wanted: FakeObject, stored: FakeObject | undefined): unknown {
  const status =
    wanted['status'] === undefined ? undefined : parsed(orderSagaStatusSchema, wanted['status'], 'status');
  const before = outcomeOf(stored?.['status']);
  if (before !== undefined && status?.outcome !== before) throw refused('status.outcome');
  return status;
}

/** It was checked when it was stored. */
function outcomeOf(status: unknown): unknown {
  return typeof status === 'object' && status !== null && 'outcome' in status ? status.outcome : undefined;
}

function parsed<S extends z.ZodType>(schema: S, value: unknown, field: string): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Refusal(
    422,
    'Invalid',
    result.error.issues.map((issue) => ({
      reason: 'FieldValueInvalid',
      field: [field, ...issue.path].join('.'),
      message: issue.message,
    })),
  );
}

function refused(field: string): Refusal {
  return new Refusal(422, 'Invalid', [{ reason: 'FieldValueInvalid', field }]);
}
