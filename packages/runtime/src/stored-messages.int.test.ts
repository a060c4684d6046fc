import { deadLetterSubject, streamNames } from '@sagamesh/contracts/subjects';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNatsBroker, type NatsBroker } from './nats-broker.ts';
import { readStoredMessages } from './stored-messages.ts';
import { silentLogger } from './testing/silent-logger.ts';

let dataDir: DataDir;
let server: NatsServer;
let broker: NatsBroker;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  server = await startNats({ dataDir });
  broker = openNatsBroker({ ...server.admin, name: 'test', logger: silentLogger });
});

afterAll(async () => {
  await broker.close();
  await server.stop();
  dataDir.close({ remove: true });
});

const stored = () => readStoredMessages(server.admin, streamNames.deadLetters);

describe('what a stream holds', () => {
  it('is nothing when there is no such stream', async () => {
    expect(await stored()).toEqual([]);
  });

  it('is nothing when the stream never held a message', async () => {
    await broker.ready();
    expect(await stored()).toEqual([]);
  });

  it('is every message, oldest first, with subject, headers and bytes', async () => {
    const subject = deadLetterSubject('order');
    for (const number of ['1', '2']) {
      await broker.publish({ subject, body: Buffer.from(number), headers: { 'x-number': number } });
    }
    const messages = await stored();
    expect(
      messages.map(({ subject, headers, body }) => [
        subject,
        headers.get('x-number'),
        Buffer.from(body).toString(),
      ]),
    ).toEqual([
      [subject, '1', '1'],
      [subject, '2', '2'],
    ]);
  });
});
