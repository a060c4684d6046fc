/** The Event recorder while the server refuses, hangs or loses its answers: the caller never notices, and the story goes on afterwards. */
import { describe, expect, test } from 'vitest';
import { listAll } from './client.ts';
import { type RecorderObserver, createEventRecorder } from './event-recorder.ts';
import type { KubeObject } from './kube-object.ts';
import { type Call, type Misdeed, MisbehavingTransport } from './testing/misbehaving-transport.ts';
import { type Stage, clientOn, newNamespace } from './testing/stage.ts';
import { type Widget, widgets, worstMinute } from './testing/watched-widgets.ts';

const events = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
type Event = KubeObject & { readonly reason?: string; readonly series?: { readonly count: number } };

export function describeRecorder(name: string, open: () => Stage): void {
  describe.concurrent(`the Event recorder on ${name}`, () => {
    async function setUp() {
      const stage = open();
      const { clock } = stage;
      const namespace = await newNamespace(stage);
      const honest = clientOn(stage.transport, clock);
      const wire = new MisbehavingTransport(stage.transport, () => clock.now());
      const client = clientOn(wire, clock, 20_000);
      const dropped: Parameters<RecorderObserver['dropped']>[0][] = [];
      let sent = 0;
      const recorder = createEventRecorder({
        client,
        reportingController: 'kube.test/operator',
        reportingInstance: 'pod-1',
        clock,
        observer: { sent: () => (sent += 1), dropped: (reason) => dropped.push(reason) },
      });
      const body = { apiVersion: 'kube.test/v1', kind: 'Widget', metadata: { name: 'a' }, spec: { size: 1 } };
      const { metadata } = await honest.create<Widget>(widgets, namespace, body);
      const regarding = {
        apiVersion: body.apiVersion,
        kind: body.kind,
        namespace,
        name: 'a',
        uid: metadata.uid,
      };
      const record = (reason: string): void =>
        recorder.record({ regarding, type: 'Warning', reason, action: 'Run', note: 'it happened' });
      const stored = async (): Promise<readonly string[]> =>
        (await listAll<Event>(honest, events, { namespace })).items
          .map((event) => `${event.reason} ${event.series?.count ?? 1}`)
          .toSorted();
      const untilStored = (...lines: readonly string[]): Promise<void> =>
        stage.until(async () => (await stored()).join() === lines.join(), `the Events ${lines.join()}`);
      const trouble = (misdeed: Misdeed): void => {
        wire.misdeed = (call) => (isEvent(call) ? misdeed : undefined);
      };
      /** Another write of the same process. */
      const patchOther = (size: number): Promise<Widget> =>
        client.mergePatch<Widget>(widgets, { namespace, name: 'a' }, { spec: { size } });
      const isSent = (): boolean => sent > 0;
      return { stage, wire, record, stored, untilStored, trouble, patchOther, dropped, isSent };
    }
    const isEvent = (call: Call): boolean => call.path.includes('/events');

    const passing: Readonly<Record<string, Misdeed>> = {
      'the server fails': { kind: 'answer', status: 500 },
      'the server throttles': { kind: 'answer', status: 429, retryAfter: '3' },
      'nobody is reached': { kind: 'requestLost' },
      'nothing is answered': { kind: 'hang' },
      'answers are lost': { kind: 'answerLost' },
      'answers break off': {
        kind: 'rewrite',
        text: (text) => (text.includes('"Failure"') ? text : text.slice(0, 10)),
      },
    };
    test.each(Object.keys(passing))(
      '%s for a while: told once, late, and nothing waits for it',
      async (what) => {
        const { stage, wire, record, untilStored, trouble, patchOther, dropped, isSent } = await setUp();
        trouble(passing[what] ?? { kind: 'hang' });
        record('Started');
        await stage.until(() => wire.calls.some(isEvent), 'a try');
        expect((await patchOther(2)).spec?.['size']).toBe(2);
        await stage.pass(50_000);
        expect(worstMinute(wire.calls.filter(isEvent))).toBeLessThanOrEqual(8);
        wire.behave();
        await stage.until(isSent, 'the Event to be sent');
        await untilStored('Started 1');
        expect(dropped).toEqual([]);
      },
    );

    test('it stays away for as long as the server says', async () => {
      const { stage, wire, record, trouble } = await setUp();
      trouble({ kind: 'answer', status: 429, retryAfter: '30' });
      record('Started');
      await stage.until(() => wire.calls.filter(isEvent).length > 2, 'three tries');
      const [first = 0, second = 0, third = 0] = wire.calls.filter(isEvent).map((call) => call.atMillis);
      // A real timer may come a little early.
      expect(Math.min(second - first, third - second)).toBeGreaterThan(29_000);
    });

    test('permission is taken away and given back: what happened meanwhile is dropped and counted', async () => {
      const { stage, wire, record, untilStored, trouble, dropped } = await setUp();
      trouble({ kind: 'answer', status: 403, reason: 'Forbidden' });
      record('Started');
      await stage.until(() => dropped.length > 0, 'the refusal');
      expect(wire.calls.filter(isEvent)).toHaveLength(1);
      wire.behave();
      record('Started');
      await untilStored('Started 1');
      expect(dropped).toEqual(['refused']);
    });

    test('a flood while nothing is answered: bounded in memory and in requests, and over when the server is back', async () => {
      const { stage, wire, record, stored, trouble, patchOther, dropped } = await setUp();
      trouble({ kind: 'hang' });
      for (let i = 0; i < 3_000; i += 1) record(`Reason${i}`);
      expect(dropped.length).toBeGreaterThan(1_900);
      expect((await patchOther(2)).spec?.['size']).toBe(2);
      await stage.pass(60_000);
      expect(wire.calls.filter(isEvent).length).toBeLessThanOrEqual(20);
      wire.behave();
      record('Late');
      await stage.until(async () => (await stored()).length >= 3_000 - dropped.length, 'all that was kept');
      expect(new Set(dropped)).toEqual(new Set(['queue_full']));
    });

    test('a refusal of one story leaves the series of another alone', async () => {
      const { stage, wire, record, untilStored, trouble, dropped } = await setUp();
      record('Failed');
      await untilStored('Failed 1');
      record('Failed');
      await untilStored('Failed 2');
      trouble({ kind: 'answer', status: 409, reason: 'Conflict' });
      record('Other');
      await stage.until(() => dropped.length > 0, 'the refusal');
      wire.behave();
      record('Other');
      record('Other');
      await untilStored('Failed 2', 'Other 2');
      expect(dropped).toEqual(['refused']);
    });
  });
}
