import { messageBytesMax } from '@sagamesh/contracts/subjects';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Broker, OutgoingMessage } from './broker.ts';
import { decodeMessage, sendDeadLetter } from './dead-letters.ts';

const schema = z.object({ version: z.literal(1), name: z.string() });

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

describe('decodeMessage', () => {
  it('answers what the schema makes of the message, without unknown keys', () => {
    const body = bytes('{"version":1,"name":"x","new":true}');
    expect(decodeMessage(schema, { body })).toEqual({ ok: true, value: { version: 1, name: 'x' } });
  });

  it.each([
    ['Malformed', 'nothing', bytes('')],
    ['Malformed', 'half a message', bytes('{"version":1,"na')],
    ['Malformed', 'bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['Malformed', 'another type', bytes('null')],
    ['Malformed', 'a missing field', bytes('{"version":1}')],
    ['Malformed', 'no version', bytes('{"name":"x"}')],
    ['Malformed', 'a version that is no number', bytes('{"version":"2","name":"x"}')],
    ['UnknownVersion', 'a later version', bytes('{"version":2,"name":"x"}')],
    ['UnknownVersion', 'a later version of another shape', bytes('{"version":2}')],
    ['Oversized', 'one byte too much', new Uint8Array(messageBytesMax + 1)],
  ])('says %s for %s', (reason, _what, body) => {
    expect(decodeMessage(schema, { body })).toMatchObject({ ok: false, reason, message: expect.any(String) });
  });

  it('does not parse what is too large', () => {
    const body = bytes(`{"version":1,"name":"${'x'.repeat(messageBytesMax)}"}`);
    expect(decodeMessage(schema, { body })).toMatchObject({ ok: false, reason: 'Oversized' });
  });
});

async function unused(): Promise<never> {
  return Promise.reject(new Error('not used here'));
}

/** A broker that keeps what is published. */
function recordingBroker(maxPayloadBytes?: number): {
  readonly broker: Broker;
  readonly published: OutgoingMessage[];
} {
  const published: OutgoingMessage[] = [];
  return {
    published,
    broker: {
      publish: async (message) => void published.push(message),
      consume: unused,
      tail: unused,
      consumerNames: unused,
      ping: unused,
      close: unused,
      maxPayloadBytes: () => maxPayloadBytes,
    },
  };
}

const letter = {
  service: 'inventory',
  reason: 'Malformed',
  message: 'not JSON:\r\nx-evil: 1 \u{1f600}',
  subject: 'saga.cmd.inventory.reserve',
  body: bytes('{broken'),
} as const;

describe('sendDeadLetter', () => {
  it('stores the bytes as they were, and the facts in headers', async () => {
    const { broker, published } = recordingBroker();
    const headers = new Map([
      ['x-correlation-id', 'c-1'],
      ['x-other', 'y'],
    ]);
    await sendDeadLetter(broker, letter, headers, () => new Date(0));
    expect(published).toEqual([
      {
        subject: 'dlq.inventory',
        body: letter.body,
        messageId: expect.any(String),
        headers: {
          'x-correlation-id': 'c-1',
          'x-dead-letter-reason': 'Malformed',
          'x-dead-letter-message': 'not JSON: x-evil: 1',
          'x-dead-letter-subject': 'saga.cmd.inventory.reserve',
          'x-dead-letter-at': '1970-01-01T00:00:00.000Z',
        },
      },
    ]);
  });

  it('cuts what the server would refuse, and says so', async () => {
    const { broker, published } = recordingBroker(10_000);
    await sendDeadLetter(broker, { ...letter, body: new Uint8Array(50_000) }, new Map());
    const [message] = published;
    expect(message?.body).toHaveLength(10_000 - 8_192);
    expect(message?.headers?.['x-dead-letter-original-bytes']).toBe('50000');
  });
});
