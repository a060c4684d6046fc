import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSmsSink } from './sms-sink.ts';
import { startSmtpSink } from './smtp-sink.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sinks-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('a mail sent by SMTP can be read with sender, recipients, subject, id and text, also after a restart', async () => {
  const config = { host: '127.0.0.1', smtpPort: 0, httpPort: 0, file: join(directory, 'mails.jsonl') };
  const sink = await startSmtpSink(config);
  const transport = createTransport(sink.smtpUrl);
  await transport.sendMail({
    from: 'shop@example.org',
    to: ['ada@example.org', 'bob@example.org'],
    subject: 'Grüße aus dem Lager',
    messageId: '<event-1@sagamesh>',
    text: 'Hello Ada,\n\nyour order żółw = 100 % ready.\n',
  });
  transport.close();
  const response = await fetch(`${sink.httpUrl}/mails`);
  const mail = {
    from: 'shop@example.org',
    to: ['ada@example.org', 'bob@example.org'],
    subject: 'Grüße aus dem Lager',
    messageId: '<event-1@sagamesh>',
    text: expect.stringContaining('your order żółw = 100 % ready.') as unknown,
  };
  expect(await response.json()).toMatchObject([mail]);
  await sink.close();
  const again = await startSmtpSink(config);
  expect(again.mails).toMatchObject([mail]);
  await again.close();
});

function post(url: string, key: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'idempotency-key': key }, body });
}

test('an SMS is kept once per idempotency key, also after a restart', async () => {
  const config = { host: '127.0.0.1', port: 0, file: join(directory, 'sms.jsonl') };
  const sink = await startSmsSink(config);
  const body = JSON.stringify({ to: '+48 123', text: 'Refunded.' });
  expect((await post(sink.webhookUrl, 'e1', body)).status).toBe(202);
  expect((await post(sink.webhookUrl, 'e1', body)).status).toBe(202);
  expect((await post(sink.webhookUrl, 'e2', '{"to":1}')).status).toBe(422);
  expect((await post(sink.webhookUrl, 'e2', 'not json')).status).toBe(422);
  await sink.close();
  const again = await startSmsSink(config);
  await post(again.webhookUrl, 'e1', body);
  const read = await fetch(`${again.httpUrl}/messages`);
  expect(await read.json()).toMatchObject([{ to: '+48 123', text: 'Refunded.', idempotencyKey: 'e1' }]);
  await again.close();
});
