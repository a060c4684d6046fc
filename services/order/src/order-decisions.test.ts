import type { Order } from '@sagamesh/contracts/order';
import { describe, expect, it } from 'vitest';
import {
  decideClaim,
  decideConfirm,
  decideRefusal,
  firstDifference,
  isUnclaimedOrderOf,
} from './order-decisions.ts';
import type { OrderRecord } from './order-record.ts';

const sagaA = '00000000-0000-4000-8000-00000000000a';
const sagaB = '00000000-0000-4000-8000-00000000000b';

const order: Order = {
  id: 'ord-1',
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'KEYBOARD', quantity: 2, unitPriceCents: 4_999 }],
  paymentMethod: 'pm_card_visa',
  contact: { email: 'ada@example.org' },
  sourceEventId: 'event-1',
};

function record(change: Partial<OrderRecord> = {}): OrderRecord {
  return {
    number: 1,
    order,
    totalCents: 9_998,
    state: 'PENDING',
    sagaUid: null,
    cancelReason: null,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    ...change,
  };
}

describe('a claim', () => {
  it('takes a PENDING order that nobody has and whose content is equal', () => {
    expect(decideClaim(record(), structuredClone(order))).toEqual({ kind: 'claim' });
  });

  it.each([
    ['another saga has it', record({ sagaUid: sagaB }), sagaB],
    ['it has ended', record({ state: 'CANCELLED', cancelReason: 'x' }), 'CANCELLED'],
  ])('is refused when %s, and says so', (_, existing, named) => {
    expect(decideClaim(existing, order)).toEqual({
      kind: 'rejected',
      reason: 'OrderIdTaken',
      message: expect.stringContaining(named),
    });
  });

  it.each<[string, Partial<Order>]>([
    ['customerId', { customerId: 'eve' }],
    ['currency', { currency: 'USD' }],
    ['items', { items: [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 }] }],
    ['paymentMethod', { paymentMethod: 'pm_card_eve' }],
    ['contact', { contact: { email: 'eve@example.org' } }],
    ['sourceEventId', { sourceEventId: 'event-2' }],
  ])('is refused when the %s differs, and names it', (field, change) => {
    expect(decideClaim(record(), { ...order, ...change })).toEqual({
      kind: 'rejected',
      reason: 'OrderIdTaken',
      message: expect.stringContaining(`another ${field}`),
    });
  });

  it('is refused to an OrderSaga written by hand, which names no source event', () => {
    const { sourceEventId: _, ...byHand } = order;
    expect(decideClaim(record(), byHand)).toMatchObject({ kind: 'rejected', reason: 'OrderIdTaken' });
  });
});

describe('equality of orders', () => {
  it('does not look at the order of keys, which jsonb does not keep', () => {
    const shuffled: Order = {
      ...order,
      items: order.items.map(({ sku, quantity, unitPriceCents }) => ({ unitPriceCents, quantity, sku })),
    };
    expect(firstDifference(order, shuffled)).toBeUndefined();
  });

  it('tells an absent contact from an empty one', () => {
    const { contact: _, ...without } = order;
    expect(firstDifference(without, { ...without, contact: {} })).toBe('contact');
  });
});

describe('the pivot', () => {
  it('confirms a PENDING order of this saga', () => {
    const existing = record({ sagaUid: sagaA });
    expect(decideConfirm(existing, 'ord-1', sagaA)).toEqual({ kind: 'confirm', existing });
  });

  it.each([
    ['does not exist', undefined, 'does not exist'],
    ['is not claimed', record(), 'no saga'],
    ['is claimed by another saga', record({ sagaUid: sagaB }), sagaB],
    ['is cancelled', record({ sagaUid: sagaA, state: 'CANCELLED', cancelReason: 'x' }), 'CANCELLED'],
    ['is confirmed', record({ sagaUid: sagaA, state: 'CONFIRMED' }), 'CONFIRMED'],
  ])('says no when the order %s', (_, existing, named) => {
    expect(decideConfirm(existing, 'ord-1', sagaA)).toEqual({
      kind: 'rejected',
      reason: 'OrderNotPending',
      message: expect.stringContaining(named),
    });
  });
});

describe('a refusal by the intake', () => {
  it('cancels the unclaimed order that was announced by that event', () => {
    expect(decideRefusal(record(), order)).toMatchObject({ kind: 'cancel' });
  });

  it('is fine when it was cancelled before', () => {
    const cancelled = record({ state: 'CANCELLED', cancelReason: 'x' });
    expect(decideRefusal(cancelled, order)).toEqual({ kind: 'alreadyCancelled' });
  });

  it.each([
    ['unknown', undefined, order],
    ['claimed', record({ sagaUid: sagaB }), order],
    ['confirmed', record({ sagaUid: sagaB, state: 'CONFIRMED' }), order],
    ['cancelled by its own saga', record({ sagaUid: sagaB, state: 'CANCELLED', cancelReason: 'x' }), order],
    ['announced by another event', record(), { ...order, sourceEventId: 'event-2' }],
    ['made by a saga', record({ order: withoutSource(order) }), withoutSource(order)],
  ])('leaves an order alone that is %s', (_, existing, wanted) => {
    expect(decideRefusal(existing, wanted)).toMatchObject({ kind: 'rejected', reason: 'OrderNotPending' });
  });
});

describe('undoing a create that never ran', () => {
  it('concerns the unclaimed order that the saga was made for', () => {
    expect(isUnclaimedOrderOf(record(), order)).toBe(true);
  });

  it.each([
    ['no order', undefined, order],
    ['a claimed order', record({ sagaUid: sagaB }), order],
    ['an ended order', record({ state: 'CANCELLED', cancelReason: 'x' }), order],
    ['the order of another event', record(), { ...order, sourceEventId: 'event-2' }],
    [
      'an order that names no event, for a saga that names none',
      record({ order: withoutSource(order) }),
      withoutSource(order),
    ],
  ])('does not concern %s', (_, existing, wanted) => {
    expect(isUnclaimedOrderOf(existing, wanted)).toBe(false);
  });
});

function withoutSource(from: Order): Order {
  const { sourceEventId: _, ...rest } = from;
  return rest;
}
