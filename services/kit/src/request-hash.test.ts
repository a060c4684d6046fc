import { expect, test } from 'vitest';
import { canonicalJson, requestHash } from './request-hash.ts';
import { commandBuilder } from './testing/command-builder.ts';

const command = commandBuilder({ action: 'reserve', with: { warehouse: 'north' } });
const hash = requestHash('inventory', command());

test('the hash stays the same whatever differs between two sends', () => {
  const other = command({
    attempt: 7,
    deadline: '2031-01-01T00:00:00.000Z',
    results: { paymentId: 'pi_1' },
    step: 'other',
  });
  expect(requestHash('inventory', other)).toBe(hash);
});

test('the hash does not depend on the order of keys nor on absent members', () => {
  const { order, ...rest } = command();
  const reversed = Object.fromEntries(Object.entries(order).toReversed());
  expect(requestHash('inventory', { ...rest, order: { ...order, ...reversed, contact: undefined } })).toBe(
    hash,
  );
  expect(canonicalJson({ b: 1, a: [{ d: null, c: undefined }] })).toBe('{"a":[{"d":null}],"b":1}');
});

test('the hash covers service, action, order and the parameters of the step', () => {
  const others = [
    requestHash('order', command()),
    requestHash('inventory', command({ action: 'settle' })),
    requestHash('inventory', command({ with: { warehouse: 'south' } })),
    requestHash('inventory', command({ order: { currency: 'USD' } })),
    requestHash(
      'inventory',
      command({ order: { items: [{ sku: 'MOUSE', quantity: 1, unitPriceCents: 1 }] } }),
    ),
  ];
  expect(new Set([hash, ...others]).size).toBe(others.length + 1);
});

test('the hash of stored rows never changes: a known request keeps its known hash', () => {
  const known = commandBuilder({ sagaUid: '00000000-0000-4000-8000-000000000001', action: 'reserve' });
  expect(requestHash('inventory', known())).toBe(
    'v1:f7f5871f1a51f80bac3de4ccae981c10c9dd21a3c986e29123c74f9b23f27b38',
  );
});
