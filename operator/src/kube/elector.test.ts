import { describe, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { sleep } from './clock.ts';
import { type Elector, createElector } from './elector.ts';
import { type Lease, heldLeaseSpec } from './lease.ts';
import { formatMicroTime } from './micro-time.ts';
import { FakeApi } from './testing/fake-api.ts';
import { VirtualClock } from './testing/virtual-clock.ts';
import type { Transport } from './transport.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const ref = { namespace: 'system', name: 'operator' };

function setUp() {
  const clock = new VirtualClock();
  const api = new FakeApi();
  const client = createKubeClient(api.transport, {
    clock,
    random: () => 0,
    limiter: 'off',
    lane: 'reserved',
  });
  const lost: string[] = [];
  const candidate = (identity: string, candidateClock = clock): Elector =>
    createElector({
      client: createKubeClient(api.transport, {
        clock: candidateClock,
        random: () => 0,
        limiter: 'off',
        lane: 'reserved',
      }),
      ...ref,
      identity,
      clock: candidateClock,
      random: () => 0,
      onLost: () => lost.push(identity),
    });
  const lease = (): Promise<Lease> => client.get<Lease>(leases, ref);
  const writes = (): number =>
    api.requests.filter((request) => ['PUT', 'POST', 'PATCH'].includes(request.method)).length;
  return { clock, api, client, candidate, lease, lost, writes };
}

describe('taking the lead', () => {
  test('the first one makes the Lease and leads at once', async () => {
    const { clock, candidate, lease } = setUp();
    const elector = candidate('a');
    expect(elector.isLeader()).toBe(false);
    elector.start();
    expect(await elector.waitUntilLeader()).toBe(true);
    expect(elector.stillLeading()).toBe(true);
    expect((await lease()).spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: formatMicroTime(clock.wallMillis()),
      renewTime: formatMicroTime(clock.wallMillis()),
      leaseTransitions: 0,
    });
  });

  test('a second one waits, and takes over when the leader has been silent for 15 s of its own clock', async () => {
    const { clock, api, candidate, lease, lost } = setUp();
    const [a, b] = [candidate('a'), candidate('b')];
    a.start();
    await clock.advance(0);
    b.start();
    await clock.advance(20_000);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
    // The leader is cut off; only the other one gets through.
    api.fault = (request) => (JSON.stringify(request.body).includes('"a"') ? { kind: 'hang' } : undefined);
    await clock.advance(10_000);
    expect(lost).toEqual(['a']);
    expect(b.isLeader()).toBe(false);
    await clock.advance(10_000);
    expect(b.isLeader()).toBe(true);
    expect((await lease()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    expect(b.leaseTransitions()).toBe(1);
  });

  test.each([
    { reason: 'years in the past', renewTime: '2001-01-01T00:00:00.000000Z' },
    { reason: 'in the future', renewTime: '2099-01-01T00:00:00.000000Z' },
  ])("a holder's clock that is $reason does not matter", async ({ renewTime }) => {
    const { clock, client, candidate } = setUp();
    const spec = { ...heldLeaseSpec(undefined, 'other', 15_000, 0), renewTime };
    await client.create(leases, ref.namespace, { metadata: { name: ref.name }, spec });
    const elector = candidate('a');
    elector.start();
    await clock.advance(14_000);
    expect(elector.isLeader()).toBe(false);
    await clock.advance(3_000);
    expect(elector.isLeader()).toBe(true);
  });

  test('of two that try at the same moment one gets the conflict', async () => {
    const { clock, client, candidate } = setUp();
    await client.create(leases, ref.namespace, {
      metadata: { name: ref.name },
      spec: { holderIdentity: '' },
    });
    const both = [candidate('a'), candidate('b')];
    for (const one of both) one.start();
    await clock.advance(10_000);
    expect(both.filter((one) => one.isLeader())).toHaveLength(1);
  });

  test('labels that somebody put on the Lease stay', async () => {
    const { clock, client, candidate, lease } = setUp();
    await client.create(leases, ref.namespace, {
      metadata: { name: ref.name, labels: { team: 'x' } },
      spec: {},
    });
    candidate('a').start();
    await clock.advance(5_000);
    expect((await lease()).metadata.labels).toEqual({ team: 'x' });
  });
});

describe('keeping the lead', () => {
  test('exactly one write per 2 s and no read', async () => {
    const { clock, api, candidate } = setUp();
    candidate('a').start();
    await clock.advance(1_000);
    api.requests.length = 0;
    await clock.advance(60_000);
    expect(api.requests.map((request) => request.method)).toEqual(Array(30).fill('PUT'));
    expect(new Set(api.requests.map((request) => request.lane))).toEqual(new Set(['reserved']));
  });

  test('an answer that got lost is found again: the conflict is our own write', async () => {
    const { clock, api, candidate, lost } = setUp();
    const elector = candidate('a');
    elector.start();
    await clock.advance(1_000);
    const faults = [{ kind: 'lostAnswer' } as const];
    api.fault = () => faults.shift();
    await clock.advance(60_000);
    expect(elector.isLeader()).toBe(true);
    expect(lost).toEqual([]);
  });

  test('a few errors within the deadline are survived', async () => {
    const { clock, api, candidate, lost } = setUp();
    const elector = candidate('a');
    elector.start();
    await clock.advance(1_000);
    api.fault = () => ({ kind: 'answer', status: 500, reason: 'InternalError' });
    await clock.advance(6_500);
    api.fault = () => undefined;
    await clock.advance(30_000);
    expect(elector.isLeader()).toBe(true);
    expect(lost).toEqual([]);
  });

  test('the deadline counts from when the last good renewal was sent, and ends it without any timer of the network', async () => {
    const { clock, api, candidate, lost } = setUp();
    const elector = candidate('a');
    elector.start();
    await clock.advance(0);
    api.fault = () => ({ kind: 'hang' });
    await clock.advance(9_999);
    expect([elector.stillLeading(), elector.signal.aborted]).toEqual([true, false]);
    await clock.advance(1);
    expect([elector.stillLeading(), elector.isLeader(), elector.signal.aborted]).toEqual([
      false,
      false,
      true,
    ]);
    expect(lost).toEqual(['a']);
    await clock.advance(60_000);
    expect(lost).toEqual(['a']);
  });

  test('a slow answer shortens the lead: others count from when the server stored it, not from when we heard', async () => {
    const { clock, api } = setUp();
    const send: Transport['send'] = async (request) => {
      const answer = await api.transport.send(request);
      await sleep(clock, 1_500);
      return answer;
    };
    const client = createKubeClient({ ...api.transport, send }, { clock, limiter: 'off' });
    const elector = createElector({
      client,
      ...ref,
      identity: 'a',
      clock,
      random: () => 0,
      onLost: () => undefined,
    });
    elector.start();
    await clock.advance(3_000);
    // The attempt began 3 s ago (two slow answers: nothing to read, then the creation): 7 s are left.
    expect(elector.isLeader()).toBe(true);
    expect([elector.stillLeading(clock.now() + 6_999), elector.stillLeading(clock.now() + 7_000)]).toEqual([
      true,
      false,
    ]);
  });
});

describe('stopping', () => {
  test('the leader gives the Lease back, so that the next one need not wait for its expiry', async () => {
    const { clock, candidate, lease, lost } = setUp();
    const [a, b] = [candidate('a'), candidate('b')];
    a.start();
    await clock.advance(0);
    b.start();
    await clock.advance(5_000);
    await a.stop();
    expect(a.signal.aborted).toBe(true);
    expect((await lease()).spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await clock.advance(2_000);
    expect(b.isLeader()).toBe(true);
    expect(lost).toEqual([]);
  });

  test('a candidate leaves the Lease alone and its waiters are told', async () => {
    const { clock, candidate, writes } = setUp();
    const [a, b] = [candidate('a'), candidate('b')];
    a.start();
    await clock.advance(0);
    b.start();
    const waiting = b.waitUntilLeader();
    await clock.advance(5_000);
    const before = writes();
    await b.stop();
    expect(await waiting).toBe(false);
    expect(writes()).toBe(before);
    await a.stop();
    expect(clock.pending).toBe(0);
  });

  test('works when the API server is gone', async () => {
    const { clock, api, candidate } = setUp();
    const elector = candidate('a');
    elector.start();
    await clock.advance(0);
    api.fault = () => ({ kind: 'hang' });
    const stopping = elector.stop();
    await clock.advance(5_000);
    await stopping;
    expect(elector.isLeader()).toBe(false);
  });
});

test('two candidates on clocks that run apart never both lead', async () => {
  const { clock, api, candidate } = setUp();
  const other = new VirtualClock();
  other.pause(1_000_000);
  const [a, b] = [candidate('a'), candidate('b', other)];
  a.start();
  await clock.advance(0);
  b.start();
  for (let second = 0; second < 200; second += 1) {
    const isCutOff = second % 40 > 20;
    api.fault = () => (isCutOff && second % 80 > 40 ? { kind: 'unreachable' } : undefined);
    await clock.advance(1_000);
    await other.advance(1_000);
    expect([a.stillLeading(), b.stillLeading()]).not.toEqual([true, true]);
  }
});

test('timing that could let two lead is refused', () => {
  const { api, clock } = setUp();
  const client = createKubeClient(api.transport, { clock });
  const options = { client, ...ref, identity: 'a', onLost: () => undefined };
  expect(() => createElector({ ...options, timing: { renewDeadlineMillis: 15_000 } })).toThrow(RangeError);
  expect(() => createElector({ ...options, timing: { retryPeriodMillis: 9_000 } })).toThrow(RangeError);
});

test('MicroTime has exactly six digits', () => {
  expect(formatMicroTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02T03:04:05.006000Z');
  expect(formatMicroTime(0)).toBe('1970-01-01T00:00:00.000000Z');
});
