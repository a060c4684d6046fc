import { randomUUID } from 'node:crypto';
import type { DomainEvent } from '@sagamesh/contracts/domain-events';
import { deadLetterSubject, eventSubject, headerNames, streamNames } from '@sagamesh/contracts/subjects';
import type { IncomingMessage } from '@sagamesh/runtime/broker';
import { openNatsBroker, type NatsBroker } from '@sagamesh/runtime/nats-broker';
import { deferred } from '@sagamesh/runtime/testing/collector';
import { silentLogger } from '@sagamesh/runtime/testing/silent-logger';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { freePort } from '@sagamesh/sandbox/free-port';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { natsEnvironment } from '@sagamesh/sandbox/nats-users';
import { startSmsSink, type SmsSink } from '@sagamesh/sinks/sms-sink';
import { startSmtpSink, type SmtpSink } from '@sagamesh/sinks/smtp-sink';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { readNotificationConfig } from './config.ts';
import { startNotification, type RunningNotification } from './start-notification.ts';

let dataDir: DataDir;
let nats: NatsServer;
let broker: NatsBroker;
let smtp: SmtpSink;
let sms: SmsSink;
let service: RunningNotification;
let smtpPort: number;

const host = { on: () => undefined, exit: () => undefined };

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  nats = await startNats({ dataDir });
  smtpPort = await freePort();
  smtp = await startSmtpSink({ host: '127.0.0.1', smtpPort, httpPort: 0 });
  sms = await startSmsSink({ host: '127.0.0.1', port: 0 });
  broker = openNatsBroker({ ...nats.admin, name: 'test', logger: silentLogger });
  await broker.ready();
  service = await startNotification(
    readNotificationConfig({
      ...natsEnvironment(nats.login('notification')),
      NATS_MAKE_STREAMS: 'off',
      HOST: '127.0.0.1',
      PORT: String(await freePort()),
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
      SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
      MAIL_FROM: 'shop@example.org',
      SMS_WEBHOOK_URL: sms.webhookUrl,
    }),
    host,
  );
});
afterAll(async () => {
  await service.stop();
  await broker.close();
  await Promise.all([smtp.close(), sms.close()]);
  await nats.stop();
  dataDir.close({ remove: true });
});

const healthSchema = z.object({ status: z.string(), checks: z.record(z.string(), z.object({})) });

function confirmedEvent(orderId: string): DomainEvent<'order.confirmed'> {
  return {
    eventId: randomUUID(),
    eventType: 'order.confirmed',
    aggregateId: orderId,
    timestamp: new Date().toISOString(),
    version: 1,
    payload: {
      orderId,
      sagaUid: null,
      amountCents: 4_999,
      currency: 'EUR',
      customerId: 'ada',
      contact: { email: 'ada@example.org', phone: '+48 123' },
    },
  };
}

function publish(event: DomainEvent): Promise<void> {
  return broker.publish({ subject: eventSubject(event.eventType), body: event, messageId: event.eventId });
}

function mailsAbout(orderId: string) {
  return smtp.mails.filter((mail) => mail.subject.includes(orderId));
}

test('an event becomes a mail and an SMS that carry the id of the event', async () => {
  const event = confirmedEvent('order-told');
  await publish(event);
  await expect
    .poll(() => mailsAbout('order-told'), { timeout: 10_000 })
    .toMatchObject([
      {
        from: 'shop@example.org',
        to: ['ada@example.org'],
        subject: 'Your order order-told is confirmed',
        messageId: `<${event.eventId}@sagamesh>`,
        text: expect.stringContaining('EUR 49.99') as unknown,
      },
    ]);
  await expect
    .poll(() => sms.messages.filter((message) => message.idempotencyKey === event.eventId))
    .toMatchObject([{ to: '+48 123' }]);
});

test('while the mail server is down the event waits, health stays well, and the mail comes when it is back', async () => {
  await smtp.close();
  const event = confirmedEvent('order-waiting');
  await publish(event);
  await expect
    .poll(async () => (await fetch(`${service.url}/metrics`)).text(), { timeout: 10_000 })
    .toMatch(
      /notifications_total\{channel="mail",event_type="order.confirmed",outcome="failed"[^}]*\} [1-9]/,
    );
  const health = await fetch(`${service.url}/health`);
  expect(health.status).toBe(200);
  const { status, checks } = healthSchema.parse(await health.json());
  expect(status).toBe('healthy');
  expect(Object.keys(checks)).toEqual(['broker']);

  smtp = await startSmtpSink({ host: '127.0.0.1', smtpPort, httpPort: 0 });
  await expect.poll(() => mailsAbout('order-waiting'), { timeout: 20_000 }).toHaveLength(1);
  expect(sms.messages.filter((message) => message.idempotencyKey === event.eventId)).toHaveLength(1);
});

test('what cannot be read is kept among the dead letters, unchanged, and the next event is told', async () => {
  const letters: IncomingMessage[] = [];
  const subject = deadLetterSubject('notification');
  const tail = await broker.tail(streamNames.deadLetters, subject, (message) => letters.push(message));
  const poison = new TextEncoder().encode('{"eventId":"e","eventType":"order.confirmed","version":1');
  await broker.publish({ subject: eventSubject('order.confirmed'), body: poison });
  const strange = { ...confirmedEvent('order-strange'), version: 2 };
  await broker.publish({ subject: eventSubject('order.confirmed'), body: strange });
  await publish(confirmedEvent('order-after-poison'));
  await expect.poll(() => mailsAbout('order-after-poison'), { timeout: 10_000 }).toHaveLength(1);
  await expect.poll(() => letters.length, { timeout: 10_000 }).toBe(2);
  const reasons = letters.map((letter) => letter.headers.get(headerNames.deadLetterReason));
  expect(new Set(reasons)).toEqual(new Set(['Malformed', 'UnknownVersion']));
  expect(letters.some((letter) => Buffer.from(letter.body).equals(poison))).toBe(true);
  expect(mailsAbout('order-strange')).toEqual([]);
  await tail.stop();
});

test('without a broker it waits and says so; told to end meanwhile, it ends well', async () => {
  const signals = new Map<string, () => void>();
  const exited = deferred<number>();
  const port = await freePort();
  const starting = startNotification(
    readNotificationConfig({
      NATS_URL: `nats://127.0.0.1:${await freePort()}`,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'silent',
      SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
      MAIL_FROM: 'shop@example.org',
    }),
    { on: (event, listener) => signals.set(event, () => listener()), exit: exited.resolve },
  );
  const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  await expect.poll(() => statusOf('/livez').catch(() => 0)).toBe(200);
  expect(await statusOf('/readyz')).toBe(503);
  signals.get('SIGTERM')?.();
  await expect(starting).resolves.toBeDefined();
  expect(await exited.promise).toBe(0);
});
