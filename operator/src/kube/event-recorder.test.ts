import { describe, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { type EventInput, eventName } from './event-object.ts';
import { createEventRecorder } from './event-recorder.ts';
import { FakeApi } from './testing/fake-api.ts';
import type { SeenRequest } from './testing/fake-server.ts';
import { VirtualClock } from './testing/virtual-clock.ts';

const minute = 60_000;
const regarding = { apiVersion: 'kube.test/v1', kind: 'Widget', namespace: 'ns', name: 'a', uid: 'u1' };

const series = (count: number, wallMillis: number): string =>
  JSON.stringify({ count, lastObservedTime: new Date(wallMillis).toISOString().replace('Z', '000Z') });

function setUp() {
  const clock = new VirtualClock();
  const api = new FakeApi();
  const client = createKubeClient(api.transport, { clock, random: () => 0, limiter: 'off' });
  const dropped: string[] = [];
  let seed = 0;
  const recorder = createEventRecorder({
    client,
    reportingController: 'kube.test/operator',
    reportingInstance: 'pod-1',
    clock,
    random: () => (seed += 1) / 1_000_000,
    observer: { sent: () => undefined, dropped: (reason) => dropped.push(reason) },
  });
  const record = (change: Partial<EventInput> = {}): void =>
    recorder.record({
      regarding,
      type: 'Normal',
      reason: 'Started',
      action: 'Run',
      note: 'it runs',
      ...change,
    });
  const told = (): string[] =>
    api.requests
      .splice(0)
      .map((request: SeenRequest) => `${request.method} ${JSON.stringify(request.body['series'] ?? {})}`);
  return { clock, api, recorder, record, dropped, told };
}

describe('one occurrence', () => {
  test('is one complete Event in the namespace of its object', async () => {
    const { clock, api, record } = setUp();
    record();
    await clock.advance(0);
    const [request] = api.requests;
    expect(request?.path).toBe('/apis/events.k8s.io/v1/namespaces/ns/events');
    expect(request?.body).toMatchObject({
      eventTime: new Date(clock.wallMillis()).toISOString().replace('Z', '000Z'),
      type: 'Normal',
      reason: 'Started',
      action: 'Run',
      note: 'it runs',
      regarding,
      reportingController: 'kube.test/operator',
      reportingInstance: 'pod-1',
    });
    expect(request?.body).not.toHaveProperty('series');
  });

  test('is never sent again by itself', async () => {
    const { clock, record, told } = setUp();
    record();
    await clock.advance(2 * 60 * minute);
    expect(told()).toEqual(['POST {}']);
    expect(clock.pending).toBe(0);
  });

  test('a note is cut to 1024 bytes, never inside a character', async () => {
    const { clock, api, record } = setUp();
    record({ note: `a${'€'.repeat(600)}` });
    await clock.advance(0);
    const note = api.requests[0]?.body['note'];
    expect(note).toBe(`a${'€'.repeat(341)}`);
  });

  test('names are unique, and valid for the longest object name', () => {
    const event: EventInput = { regarding, type: 'Normal', reason: 'R', action: 'A', note: '' };
    expect(eventName(event, 5, 0.1)).not.toBe(eventName(event, 5, 0.2));
    const long = { ...event, regarding: { ...regarding, name: `${'a'.repeat(232)}-${'b'.repeat(20)}` } };
    expect(eventName(long, 1_700_000_000_000, 0.5)).toMatch(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    );
    expect(eventName(long, 1_700_000_000_000, 0.5).length).toBeLessThanOrEqual(253);
  });
});

describe('a series', () => {
  test('the second occurrence opens it, later ones are only counted', async () => {
    const { clock, record, told } = setUp();
    record();
    await clock.advance(1_000);
    for (let i = 0; i < 5; i += 1) record({ note: `attempt ${i}` });
    const second = clock.wallMillis();
    await clock.advance(1_000);
    expect(told()).toEqual(['POST {}', `PATCH ${series(2, second)}`]);
    record();
    await clock.advance(minute);
    expect(told()).toEqual([]);
  });

  test('its count is refreshed every 30 minutes while it goes on, and closed after 6 minutes of silence', async () => {
    const { clock, record, told } = setUp();
    for (let i = 0; i < 36; i += 1) {
      record();
      await clock.advance(minute);
    }
    const counts = told().map((line) => /count":(\d+)/.exec(line)?.[1]);
    expect(counts).toEqual([undefined, '2', '31']);
    await clock.advance(10 * minute);
    expect(told().map((line) => /count":(\d+)/.exec(line)?.[1])).toEqual(['36']);
    expect(clock.pending).toBe(0);
  });

  test('two at once are one Event that says two', async () => {
    const { clock, record, told } = setUp();
    record();
    record();
    const wall = clock.wallMillis();
    await clock.advance(1_000);
    const lines = told();
    expect(lines.at(-1)).toContain(series(2, wall));
    expect(lines.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  test('after the silence the same thing is a new Event', async () => {
    const { clock, record, told } = setUp();
    record();
    await clock.advance(7 * minute);
    record();
    await clock.advance(0);
    expect(told()).toEqual(['POST {}', 'POST {}']);
  });

  test.each<Partial<EventInput>>([
    { reason: 'Other' },
    { action: 'Other' },
    { type: 'Warning' },
    { regarding: { ...regarding, uid: 'u2' } },
  ])('a different %j is a different Event', async (change) => {
    const { clock, record, told } = setUp();
    record();
    record(change);
    await clock.advance(0);
    expect(told()).toEqual(['POST {}', 'POST {}']);
  });

  test('an Event that expired at the server is made anew', async () => {
    const { clock, api, record, told } = setUp();
    record();
    await clock.advance(0);
    api.fault = (request) =>
      request.method === 'PATCH' ? { kind: 'answer', status: 404, reason: 'NotFound' } : undefined;
    record();
    await clock.advance(0);
    expect(told().map((line) => line.split(' ')[0])).toEqual(['POST', 'PATCH', 'POST']);
  });
});

describe('trouble never reaches the caller', () => {
  test('an unreachable server is tried 12 times, 10 s apart, then the Event is dropped', async () => {
    const { clock, api, record, dropped } = setUp();
    api.fault = () => ({ kind: 'unreachable' });
    record();
    await clock.advance(5 * minute);
    expect(api.requests).toHaveLength(12);
    expect(dropped).toEqual(['retries_exhausted']);
  });

  test('a refusal (the namespace is ending) is not repeated, and the next occurrence starts afresh', async () => {
    const { clock, api, record, dropped } = setUp();
    api.fault = () => ({ kind: 'answer', status: 403, reason: 'Forbidden' });
    record();
    await clock.advance(minute);
    expect(api.requests).toHaveLength(1);
    expect(dropped).toEqual(['refused']);
    record();
    await clock.advance(0);
    expect(api.requests.map((request) => request.method)).toEqual(['POST', 'POST']);
  });
});

describe('stopping', () => {
  test('sends what waits and the last counts', async () => {
    const { clock, record, recorder, told } = setUp();
    record();
    record();
    await clock.advance(0);
    record();
    record({ reason: 'Stopping' });
    await recorder.stop(5_000);
    const lines = told();
    expect(lines.at(-1)).toContain('"count":3');
    expect(lines.filter((line) => line.startsWith('POST'))).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('sends a count that was added while the one before was on its way', async () => {
    const { clock, api, record, recorder, told } = setUp();
    record();
    await clock.advance(0);
    const late = [record];
    api.fault = () => {
      late.pop()?.();
      return undefined;
    };
    record();
    await recorder.stop(5_000);
    expect(told().map((line) => line.replace(/,.*/, ''))).toEqual([
      'POST {}',
      'PATCH {"count":2',
      'PATCH {"count":3',
    ]);
  });

  test('gives up in time when the server does not answer', async () => {
    const { clock, api, record, recorder } = setUp();
    api.fault = () => ({ kind: 'hang' });
    for (let i = 0; i < 50; i += 1) record({ reason: `R${i}` });
    const stopping = recorder.stop(5_000);
    await clock.advance(5_000);
    await stopping;
    record();
    expect(api.requests.length).toBeLessThanOrEqual(4);
  });
});
