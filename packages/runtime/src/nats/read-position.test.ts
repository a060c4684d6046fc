import { DeliverPolicy, type StreamInfo } from 'nats';
import { describe, expect, it } from 'vitest';
import { parseAckSubject } from './delivery.ts';
import { startOf } from './ensure-consumer.ts';
import { bucketKey, packEntry, unpackEntry } from './kv-cache.ts';
import { OpenMessages } from './open-messages.ts';
import { nextBatch } from './pull-demand.ts';
import { tailStart } from './tail.ts';

type Known = Pick<StreamInfo, 'created'> & { readonly state: Pick<StreamInfo['state'], 'last_seq'> };

function stream(created: string, lastSequence: number): Known {
  return { created, state: { last_seq: lastSequence } };
}

describe('where a lost consumer goes on', () => {
  const position = { incarnation: 'A', floor: 7 };

  it.each([
    ['first time, new', undefined, stream('A', 9), { deliver_policy: DeliverPolicy.New }],
    [
      'behind what is dealt with',
      position,
      stream('A', 9),
      { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 8 },
    ],
    [
      'stream shorter than we knew',
      position,
      stream('A', 3),
      { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 4 },
    ],
    ['stream made anew', position, stream('B', 2), { deliver_policy: DeliverPolicy.All }],
  ])('durable: %s', (_name, known, info, expected) => {
    expect(startOf('new', known, info)).toEqual(expected);
  });

  it('durable: first time, all', () => {
    expect(startOf('all', undefined, stream('A', 9))).toEqual({ deliver_policy: DeliverPolicy.All });
  });

  it.each([
    ['first time', undefined, stream('A', 9), 10],
    ['behind what was seen', position, stream('A', 9), 8],
    ['stream shorter than we knew', position, stream('A', 3), 4],
    ['stream made anew', position, stream('B', 2), 1],
  ])('tail: %s', (_name, known, info, expected) => {
    expect(tailStart(known, info)).toBe(expected);
  });
});

describe('OpenMessages', () => {
  it('has its floor below the oldest message that is not dealt with', () => {
    const open = new OpenMessages();
    open.reset(10);
    expect(open.floor()).toBe(10);
    for (const sequence of [11, 12, 13]) open.received(sequence);
    open.settled(11);
    open.settled(13);
    expect(open.floor()).toBe(11);
    open.settled(12);
    expect(open.floor()).toBe(13);
  });

  it('believes the server about what others have dealt with', () => {
    const open = new OpenMessages();
    open.reset(0);
    open.received(1);
    open.received(5);
    open.settleUpTo(4);
    expect(open.floor()).toBe(4);
  });
});

describe('nextBatch', () => {
  it.each([
    [{ concurrency: 8, held: 0, outstanding: 0 }, 8, 'all hands free'],
    [{ concurrency: 8, held: 3, outstanding: 5 }, 0, 'all hands spoken for'],
    [{ concurrency: 8, held: 3, outstanding: 4 }, 0, 'one free hand is not worth a request'],
    [{ concurrency: 8, held: 3, outstanding: 3 }, 2, 'a quarter is'],
    [{ concurrency: 8, held: 7, outstanding: 0 }, 1, 'unless nothing is asked for'],
    [{ concurrency: 8, held: 9, outstanding: 0 }, 0, 'more came than was asked for'],
    [{ concurrency: 1, held: 0, outstanding: 0 }, 1, 'one at a time'],
  ])('%j -> %i (%s)', (demand, batch) => {
    expect(nextBatch(demand)).toBe(batch);
  });
});

describe('parseAckSubject', () => {
  it.each([
    ['$JS.ACK.S.C.2.30.4.1700000000.0', 'short form'],
    ['$JS.ACK._.acc.S.C.2.30.4.1700000000.0', 'with domain and account'],
    ['$JS.ACK.hub.acc.S.C.2.30.4.1700000000.0.rnd', 'with something behind'],
  ])('reads %s (%s)', (subject) => {
    expect(parseAckSubject(subject)).toEqual({ deliveryCount: 2, streamSequence: 30, consumerSequence: 4 });
  });

  it('refuses what is no acknowledgement', () => {
    expect(parseAckSubject('_INBOX.x')).toBeUndefined();
    expect(parseAckSubject(undefined)).toBeUndefined();
  });
});

describe('entries of the bucket cache', () => {
  it('end when their time is over', () => {
    expect(unpackEntry(packEntry('value', 1_000), 999)).toBe('value');
    expect(unpackEntry(packEntry('value', 1_000), 1_000)).toBeUndefined();
  });

  it('have keys that a bucket takes, different for different names', () => {
    const keys = ['stock/KEYBOARD', 'stock.KEYBOARD', 'stock KEYBOARD', 'ä', '..', ''].map(bucketKey);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^k_[-=_a-zA-Z0-9]*$/);
  });
});
