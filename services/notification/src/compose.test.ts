import { expect, test } from 'vitest';
import type { NotifiedEvent } from './compose.ts';
import { composeNotifications, formatMoney } from './compose.ts';

const sagaUid = '6f1c3f0e-8a44-4f0e-9d6a-0d8f0c1d2e3f';
const base = {
  eventId: 'e-1',
  aggregateId: 'order-1',
  timestamp: '2026-01-01T00:00:00.000Z',
  version: 1,
} as const;

function confirmed(contact?: { email?: string; phone?: string }): NotifiedEvent {
  return {
    ...base,
    eventType: 'order.confirmed',
    payload: {
      orderId: 'order-1',
      sagaUid,
      amountCents: 4_999,
      currency: 'EUR',
      customerId: 'ada',
      ...(contact ? { contact } : {}),
    },
  };
}

test('a confirmed order is told in plain words, with what was charged', () => {
  const { mail, sms } = composeNotifications(confirmed({ email: 'ada@example.org', phone: '+48 123' }));
  expect(mail).toMatchObject({
    to: 'ada@example.org',
    subject: 'Your order order-1 is confirmed',
    messageId: '<e-1@sagamesh>',
  });
  expect(mail?.text).toContain('Hello ada,');
  expect(mail?.text).toContain('EUR 49.99');
  expect(sms).toEqual({
    to: '+48 123',
    text: 'your order order-1 is confirmed. We charged EUR 49.99 and are getting it ready.',
    idempotencyKey: 'e-1',
  });
});

test('who left no address gets no mail, who left no number no SMS', () => {
  expect(composeNotifications(confirmed())).toEqual({});
  expect(composeNotifications(confirmed({ phone: '+48 123' })).mail).toBeUndefined();
  expect(composeNotifications(confirmed({ email: 'ada@example.org' })).sms).toBeUndefined();
});

test('a cancelled order tells the reason', () => {
  const { mail } = composeNotifications({
    ...base,
    eventType: 'order.cancelled',
    payload: {
      orderId: 'order-1',
      sagaUid,
      customerId: 'ada',
      reason: 'OutOfStock',
      contact: { email: 'ada@example.org' },
    },
  });
  expect(mail?.subject).toBe('Your order order-1 was cancelled');
  expect(mail?.text).toContain('Reason: OutOfStock.');
});

test('a refund tells the amount', () => {
  const { mail } = composeNotifications({
    ...base,
    eventType: 'payment.refunded',
    payload: {
      orderId: 'order-1',
      sagaUid,
      paymentId: 'pi_1',
      amountCents: 5,
      currency: 'EUR',
      customerId: 'ada',
      contact: { email: 'ada@example.org' },
    },
  });
  expect(mail?.text).toContain('we gave back EUR 0.05 for your order order-1.');
});

test.each([
  [4_999, 'EUR', 'EUR 49.99'],
  [100_000, 'EUR', 'EUR 1000.00'],
  [5, 'USD', 'USD 0.05'],
  [500, 'JPY', 'JPY 500'],
  [1_234, 'KWD', 'KWD 1.234'],
])('%i minor units of %s are written %s', (amountCents, currency, text) => {
  expect(formatMoney(amountCents, currency)).toBe(text);
});

test('an event id cannot break out of a header', () => {
  const event = { ...confirmed({ email: 'a@b', phone: '12345' }), eventId: 'x>\r\nBcc: eve@evil' };
  const { mail, sms } = composeNotifications(event);
  expect(mail?.messageId).toBe('<x___Bcc__eve_evil@sagamesh>');
  expect(sms?.idempotencyKey).toBe('x___Bcc__eve_evil');
});
