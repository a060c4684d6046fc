import { defaultPlan, orderSagaKind } from '@sagamesh/contracts/order-saga';
import type { stepSchema } from '@sagamesh/contracts/order-saga';
import type { Item, Order } from '@sagamesh/contracts/order';
import type { z } from 'zod';

/** OrderSagas for tests: a test writes down only what makes its saga special. */

type StepInput = z.input<typeof stepSchema>;

export interface SagaChange {
  /** Becomes part of the name, so that a failure and the logs say whose saga it was. */
  readonly story?: string;
  /** Default: the order id. */
  readonly name?: string;
  readonly order?: Partial<Order>;
  /** Changes to steps of the plan, by name. Without this and `plan` the stored default plan is used. */
  readonly steps?: Readonly<Record<string, Partial<StepInput>>>;
  /** The whole plan; `steps` change it. */
  readonly plan?: readonly StepInput[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly suspend?: boolean;
  readonly cancel?: boolean;
  readonly deadlineSeconds?: number;
  readonly ttlSecondsAfterFinished?: number;
}

export interface SagaManifest {
  readonly apiVersion: 'sagamesh.dev/v1alpha1';
  readonly kind: typeof orderSagaKind;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly order: Order;
    readonly steps?: readonly StepInput[];
    readonly [setting: string]: unknown;
  };
}

/** One keyboard costs what the seeded price list says. */
export const oneKeyboard: Item = { sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 };
/** There is enough of it for any number of sagas. */
export const oneOfPlenty: Item = { sku: 'BULK', quantity: 1, unitPriceCents: 100 };

let made = 0;

/** A good order of its own, except for the change. */
export function sagaManifest(change: SagaChange = {}): SagaManifest {
  const { story = 'order', name, order, steps, plan, annotations, ...settings } = change;
  made += 1;
  const id = order?.id ?? `${story}-${made}`;
  const wanted = changedPlan(plan, steps);
  return {
    apiVersion: 'sagamesh.dev/v1alpha1',
    kind: orderSagaKind,
    metadata: { name: name ?? id, ...(annotations ? { annotations } : {}) },
    spec: {
      order: {
        customerId: 'ada',
        currency: 'EUR',
        items: [oneOfPlenty],
        paymentMethod: 'pm_card_visa',
        ...order,
        id,
      },
      ...(wanted ? { steps: wanted } : {}),
      ...settings,
    },
  };
}

function changedPlan(
  plan: readonly StepInput[] | undefined,
  changes: SagaChange['steps'],
): readonly StepInput[] | undefined {
  if (!changes) return plan;
  const base = plan ?? defaultPlan;
  const unknown = Object.keys(changes).filter((name) => !base.some((step) => step.name === name));
  if (unknown.length > 0) throw new Error(`the plan has no step ${unknown.join(', ')}`);
  return base.map((step) => ({ ...step, ...changes[step.name] }));
}
