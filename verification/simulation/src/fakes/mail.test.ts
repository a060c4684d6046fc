import { RetryableError } from '@sagamesh/runtime/errors';
import { composeNotifications, type NotifiedEvent } from '@sagamesh/service-notification/compose';
import { afterEach, describe, expect, it } from 'vitest';
import { Host } from '../kernel/host.ts';
import type { SimProcess } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { pump } from '../testing/pump.ts';
import { SimMail } from './mail.ts';

const envelope = { timestamp: '2026-01-01T00:00:00.000Z', version: 1 } as const;
const about = {
  orderId: 'order-1.a',
  sagaUid: '00000000-0000-4000-8000-000000000001',
  customerId: 'ada',
  contact: { email: 'ada@example.org', phone: '+4912345678' },
};
const money = { amountCents: 4_999, currency: 'EUR' };
const events: readonly NotifiedEvent[] = [
  {
    ...envelope,
    eventId: 'event-1',
    eventType: 'order.confirmed',
    aggregateId: 'order-1.a',
    payload: { ...about, ...money },
  },
  {
    ...envelope,
    eventId: 'event-2',
    eventType: 'order.cancelled',
    aggregateId: 'order-1.a',
    payload: { ...about, reason: 'Undone' },
  },
  {
    ...envelope,
    eventId: 'event-3',
    eventType: 'payment.refunded',
    aggregateId: 'pi_1',
    payload: { ...about, ...money, paymentId: 'pi_1' },
  },
];

describe('the simulated mail server and SMS gateway', () => {
  let stop: (() => Promise<void>) | undefined;
  afterEach(() => stop?.());

  function site() {
    const sim = new Sim({ seed: 1 });
    const mail = new SimMail(sim);
    let current: SimProcess | undefined;
    const program = (process: SimProcess) => {
      current = process;
    };
    new Host({ sim, name: 'notification-1', role: 'notification', program }).start();
    if (current === undefined) throw new Error('nothing runs');
    stop = pump(sim);
    return { sim, mail, channels: mail.connect(current) };
  }

  it('tells of each message its id, its kind and its order, for all that the service writes', async () => {
    const { mail, channels } = site();
    for (const event of events) {
      const composed = composeNotifications(event);
      if (composed.mail) await channels.mail.send(composed.mail);
      if (composed.sms) await channels.sms.send(composed.sms);
    }
    expect(
      mail.deliveries.map(({ channel, messageId, kind, orderId }) => [channel, messageId, kind, orderId]),
    ).toEqual([
      ['mail', '<event-1@sagamesh>', 'confirmed', 'order-1.a'],
      ['sms', 'event-1', 'confirmed', 'order-1.a'],
      ['mail', '<event-2@sagamesh>', 'cancelled', 'order-1.a'],
      ['sms', 'event-2', 'cancelled', 'order-1.a'],
      ['mail', '<event-3@sagamesh>', 'refunded', 'order-1.a'],
      ['sms', 'event-3', 'refunded', 'order-1.a'],
    ]);
  });

  it('refuses for now while the fault lasts', async () => {
    const { sim, mail, channels } = site();
    sim.faults.plan([
      { kind: 'mail.refused', atMillis: sim.nowMillis, forMillis: 1_000_000, probability: 1, target: 'sms' },
    ]);
    const [event] = events;
    const composed = event && composeNotifications(event);
    if (!composed?.mail || !composed.sms) throw new Error('nothing to send');
    await channels.mail.send(composed.mail);
    await expect(channels.sms.send(composed.sms)).rejects.toBeInstanceOf(RetryableError);
    expect(mail.deliveries.map(({ channel }) => channel)).toEqual(['mail']);
  });
});
