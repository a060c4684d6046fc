import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { expect, test } from 'vitest';
import type { NotifiedEvent } from './compose.ts';
import { createNotifier } from './notifier.ts';

const event: NotifiedEvent & { eventType: 'order.confirmed' } = {
  eventId: 'e-1',
  eventType: 'order.confirmed',
  aggregateId: 'order-1',
  timestamp: '2026-01-01T00:00:00.000Z',
  version: 1,
  payload: {
    orderId: 'order-1',
    sagaUid: null,
    amountCents: 4_999,
    currency: 'EUR',
    customerId: 'ada',
    contact: { email: 'ada@example.org', phone: '+48 123' },
  },
};

/** A notifier whose channels answer with the given errors, one by one, and then work. */
function notifierWith(errors: { readonly mail?: Error[]; readonly sms?: Error[] }) {
  const log: string[] = [];
  const channel = (name: string, failures: Error[] = []) => ({
    send: () => {
      const failure = failures.shift();
      log.push(failure ? `${name} failed` : `${name} sent`);
      return failure ? Promise.reject(failure) : Promise.resolve();
    },
    close: () => undefined,
  });
  const counted: string[] = [];
  const notify = createNotifier({
    mail: channel('mail', errors.mail),
    sms: channel('sms', errors.sms),
    count: (name, _eventType, outcome) => counted.push(`${name} ${outcome}`),
  });
  return { notify, log, counted };
}

test('while one channel fails, the other is served, and not served again by the retry', async () => {
  const { notify, log, counted } = notifierWith({
    sms: [new RetryableError('down'), new RetryableError('down')],
  });
  await expect(notify(event)).rejects.toThrow(RetryableError);
  await expect(notify(event)).rejects.toThrow(RetryableError);
  await notify(event);
  expect(log).toEqual(['mail sent', 'sms failed', 'sms failed', 'sms sent']);
  expect(counted).toEqual(['mail sent', 'sms failed', 'sms failed', 'sms sent']);
});

test('a final refusal ends in the dead letters, but only once the other channel is through', async () => {
  const { notify, counted } = notifierWith({
    mail: [new TerminalError('no such mailbox'), new TerminalError('no such mailbox')],
    sms: [new RetryableError('down')],
  });
  await expect(notify(event)).rejects.toThrow(RetryableError);
  await expect(notify(event)).rejects.toThrow(TerminalError);
  expect(counted).toEqual(['mail refused', 'sms failed', 'mail refused', 'sms sent']);
});

test('a customer without contact is no failure', async () => {
  const { notify, log, counted } = notifierWith({});
  const { contact: _, ...payload } = event.payload;
  await notify({ ...event, payload });
  expect(log).toEqual([]);
  expect(counted).toEqual(['mail skipped', 'sms skipped']);
});
