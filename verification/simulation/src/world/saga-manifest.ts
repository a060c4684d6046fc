import type { Order } from '@sagamesh/contracts/order';
import { seedPrices } from '@sagamesh/service-order/pricing';
import type { SeededRandom } from '../kernel/random.ts';
import type { SagaKind, SagaPlan } from '../schedule/run-plan.ts';

/** What a customer orders and what a person applies, from a saga's plan. */

const paymentMethods: Readonly<Partial<Record<SagaKind, string>>> = {
  cardDeclined: 'pm_card_chargeDeclined',
  unknownCard: 'pm_card_of_nobody',
  slowCard: 'pm_card_slow',
  flakyCard: 'pm_card_flaky',
  silentCard: 'pm_card_taken_silent',
};

const ordinarySkus = ['KEYBOARD', 'MOUSE', 'MONITOR', 'DOCK', 'BULK'] as const;

export type OrderWish = Pick<Order, 'customerId' | 'currency' | 'items' | 'paymentMethod' | 'contact'>;

export function orderWish(saga: SagaPlan, random: SeededRandom): OrderWish {
  return {
    customerId: `customer-${saga.id}`,
    currency: 'EUR',
    items: withSecondLine(saga, itemOf(saga.kind, random)),
    paymentMethod: paymentMethods[saga.kind] ?? 'pm_card_visa',
    contact: {
      email: `customer-${saga.id}@example.org`,
      ...(saga.id % 3 === 0 ? { phone: `+4930${1_000_000 + saga.id}` } : {}),
    },
  };
}

/** Half of the orders take several SKUs: all or none of them. Before or behind the other line, so that a no meets either. */
function withSecondLine({ id }: SagaPlan, item: Order['items'][number]): Order['items'] {
  if (id % 2 === 0) return [item];
  const sku = item.sku === 'DOCK' ? 'MONITOR' : 'DOCK';
  const second = { sku, quantity: 1, unitPriceCents: priceOf(sku) };
  return id % 4 === 1 ? [item, second] : [second, item];
}

function itemOf(kind: SagaKind, random: SeededRandom): Order['items'][number] {
  if (kind === 'wrongPrice') return { sku: 'MOUSE', quantity: 1, unitPriceCents: priceOf('MOUSE') + 1 };
  if (kind === 'outOfStock') return { sku: 'WEBCAM', quantity: 1, unitPriceCents: priceOf('WEBCAM') };
  if (kind === 'lastUnits') return { sku: 'HEADSET', quantity: 60, unitPriceCents: priceOf('HEADSET') };
  const sku = random.pick(ordinarySkus);
  return { sku, quantity: random.int(1, 3), unitPriceCents: priceOf(sku) };
}

function priceOf(sku: string): number {
  const price = seedPrices.find((each) => each.sku === sku);
  if (price === undefined) throw new RangeError(`${sku} is not on the price list`);
  return price.unitPriceCents;
}

/** As `kubectl apply` would send it: what is left out is filled in by the API server. */
export function sagaSpec(saga: SagaPlan, order: Order): Readonly<Record<string, unknown>> {
  const { timeoutSeconds, maxAttempts, deadlineSeconds } = saga;
  const retry = { maxAttempts, initialMillis: 100, factor: 2, maxMillis: 2_000 };
  return {
    order,
    deadlineSeconds,
    steps: stepsOf(saga.kind).map((step) => ({ ...step, timeoutSeconds, retry })),
  };
}

const create = { name: 'createOrder', service: 'order', execute: 'create', compensate: 'cancel' };
const reserve = { name: 'reserveInventory', service: 'inventory', execute: 'reserve', compensate: 'release' };
const charge = { name: 'processPayment', service: 'payment', execute: 'charge', compensate: 'refund' };
const confirm = { name: 'confirmOrder', service: 'order', execute: 'confirm', pivot: true };
const settle = { name: 'settleInventory', service: 'inventory', execute: 'settle' };
const nowhere = { name: 'callNobody', service: 'nobody', execute: 'call', compensate: 'hang-up' };

const plansThatDiffer: Readonly<Partial<Record<SagaKind, readonly object[]>>> = {
  confirmRefused: [reserve, charge, confirm, settle],
  settleRefused: [create, charge, confirm, settle],
  unknownService: [create, nowhere, charge, confirm],
};

function stepsOf(kind: SagaKind): readonly object[] {
  return plansThatDiffer[kind] ?? [create, reserve, charge, confirm, settle];
}
