import type { z } from 'zod';
import {
  defaultPlan,
  orderSagaGroup,
  orderSagaKind,
  orderSagaVersion,
  type orderSagaSpecSchema,
} from '@sagamesh/contracts/order-saga';
import type { Item } from '@sagamesh/contracts/order';

/** The OrderSagas that the demo applies and the guides speak about. Prices are those of the seeded price list. */

type Spec = Omit<z.input<typeof orderSagaSpecSchema>, 'steps'> & {
  readonly steps?: z.input<typeof orderSagaSpecSchema>['steps'];
};

export interface SampleOrder {
  /** Also the file's name. */
  readonly name: string;
  /** What the reader will see, for the comment on top. */
  readonly comment: string;
  readonly saga: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly spec: Spec;
  };
}

const keyboard: Item = { sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 };
const mouse: Item = { sku: 'MOUSE', quantity: 2, unitPriceCents: 1_999 };
const monitor: Item = { sku: 'MONITOR', quantity: 1, unitPriceCents: 19_999 };
const headset: Item = { sku: 'HEADSET', quantity: 1, unitPriceCents: 8_999 };
const webcam: Item = { sku: 'WEBCAM', quantity: 1, unitPriceCents: 5_999 };
const dock: Item = { sku: 'DOCK', quantity: 1, unitPriceCents: 12_999 };

/** The default plan, with little patience for the payment. */
const impatientPlan = defaultPlan.map((step) =>
  step.name === 'processPayment' ? { ...step, timeoutSeconds: 1, retry: { maxAttempts: 2 } } : step,
);

export const sampleOrders: readonly SampleOrder[] = [
  sample('good-order', 'An order that goes well. Ends with outcome Completed.', {
    order: order('order-1001', 'ada', [keyboard, mouse], 'pm_card_visa'),
  }),
  sample(
    'out-of-stock',
    'Nothing of WEBCAM is in stock: inventory says no, nothing is charged. Ends with outcome Compensated, reason OutOfStock.',
    { order: order('order-1002', 'grace', [headset, webcam], 'pm_card_visa') },
  ),
  sample(
    'card-declined',
    'The card is declined: the reserved stock is released. Ends with outcome Compensated, reason CardDeclined.',
    { order: order('order-1003', 'linus', [monitor], 'pm_card_chargeDeclined') },
  ),
  sample(
    'payment-answer-lost',
    [
      'The provider takes the money and then answers nothing about that payment for 10 s. This plan waits 1 s, twice: the outcome is',
      'unknown, so the payment counts as made and is undone. Ends with outcome Compensated and the money refunded.',
    ].join('\n'),
    { order: order('order-1004', 'barbara', [dock], 'pm_card_taken_silent'), steps: impatientPlan },
  ),
  sample(
    'payment-answer-late',
    'The same card with the patience of the default plan. Ends with outcome Completed, charged once.',
    { order: order('order-1005', 'edsger', [keyboard], 'pm_card_taken_silent') },
  ),
];

function sample(name: string, comment: string, spec: Spec): SampleOrder {
  const apiVersion = `${orderSagaGroup}/${orderSagaVersion}`;
  return {
    name,
    comment,
    saga: { apiVersion, kind: orderSagaKind, metadata: { name: spec.order.id }, spec },
  };
}

function order(id: string, customerId: string, items: readonly Item[], paymentMethod: string) {
  const contact = { email: `${customerId}@example.org` };
  return { id, customerId, currency: 'EUR', items: [...items], paymentMethod, contact };
}
