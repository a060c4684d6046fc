/**
 * Two candidates for one Lease while processes stand still, clocks are wrong and the server misbehaves. At no moment do two of them believe
 * that they lead, and who has lost the lead never writes the Lease again.
 */
import { type TestContext, describe, expect, test } from 'vitest';
import { sleep } from './clock.ts';
import { type Elector, createElector } from './elector.ts';
import type { Lease } from './lease.ts';
import { Freezer } from './testing/freezer.ts';
import { type Call, type Misdeed, MisbehavingTransport } from './testing/misbehaving-transport.ts';
import { type Stage, clientOn, newNamespace } from './testing/stage.ts';
import { worstMinute } from './testing/watched-widgets.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
/** Long enough for the haste of a real stage; the relations are those of production. */
const timing = { leaseDurationMillis: 120_000, renewDeadlineMillis: 80_000, retryPeriodMillis: 4_000 };
/** Renew, look, renew: that much does one attempt ask. */
const requestsPerMinuteMax = 3 * (60_000 / timing.retryPeriodMillis + 1);
const hour = 3_600_000;

type Candidate = {
  readonly elector: Elector;
  readonly freezer: Freezer;
  readonly wire: MisbehavingTransport;
  readonly lost: string[];
  readonly failures: unknown[];
};

export function describeElector(name: string, open: () => Stage): void {
  // Side by side: on a real server they mostly wait.
  describe.concurrent(`two electors on ${name}`, () => {
    async function setUp({ onTestFinished }: TestContext, skews: readonly [number, number] = [0, 0]) {
      const stage = open();
      const namespace = await newNamespace(stage);
      const honest = clientOn(stage.transport, stage.clock);
      const candidate = (identity: string, skewMillis: number): Candidate => {
        const freezer = new Freezer();
        const clock = freezer.clockOn(stage.clock, skewMillis);
        const wire = new MisbehavingTransport(stage.transport, () => stage.clock.now(), freezer);
        const lost: string[] = [];
        const failures: unknown[] = [];
        const elector = createElector({
          client: clientOn(wire, clock),
          namespace,
          name: 'main',
          identity,
          timing,
          clock,
          random: () => 0,
          onLost: (reason) => lost.push(reason),
          observer: { leadershipChanged: () => undefined, attemptFailed: (error) => failures.push(error) },
        });
        return { elector, freezer, wire, lost, failures };
      };
      const a = candidate('a', skews[0]);
      const b = candidate('b', skews[1]);
      onTestFinished(() => stopAll(stage, [a, b]));
      const lease = (): Promise<Lease> => honest.get<Lease>(leases, { namespace, name: 'main' });
      /** Waits, and looks all the time that at most one believes to lead. */
      const until = (fact: () => boolean, what: string): Promise<void> =>
        stage.until(() => {
          expect([a, b].filter(({ elector }) => elector.stillLeading()).length).toBeLessThan(2);
          return fact();
        }, what);
      a.elector.start();
      await until(() => a.elector.isLeader(), 'a to lead');
      b.elector.start();
      // It has seen who holds the Lease.
      await until(() => b.wire.calls.length >= 3, 'b to look');
      return { stage, namespace, honest, a, b, lease, until };
    }

    const stored = (calls: readonly Call[]): readonly Call[] =>
      calls.filter(({ method, status }) => method !== 'GET' && status !== undefined && status < 300);

    type Freeze = { readonly how: string; readonly freeze: (one: Candidate) => void };
    const freezes: readonly Freeze[] = [
      { how: 'between two renewals', freeze: ({ freezer }) => freezer.freeze() },
      {
        how: 'after it asked itself and before its renewal went out',
        freeze: ({ wire, freezer }) =>
          onNextPut(wire, () => {
            freezer.freeze();
            return { kind: 'slowRequest', until: freezer.whenThawed() };
          }),
      },
      {
        how: 'after its renewal was stored and before it heard so',
        freeze: ({ wire, freezer }) =>
          onNextPut(wire, () => {
            freezer.freeze();
            return undefined;
          }),
      },
    ];
    test.for(freezes)(
      'the leader stands still $how: the other takes over, and it steps down without a word',
      async ({ freeze }, context) => {
        const { stage, a, b, lease, until } = await setUp(context);
        freeze(a);
        await until(() => b.elector.isLeader(), 'b to take over');
        const before = a.wire.calls.length;
        a.freezer.thaw();
        // Before any timer of its own has run.
        expect(a.elector.stillLeading()).toBe(false);
        await until(() => a.lost.length > 0, 'a to step down');
        expect([a.elector.isLeader(), a.elector.signal.aborted]).toEqual([false, true]);
        await stage.pass(3 * timing.retryPeriodMillis);
        expect(stored(a.wire.calls.slice(before))).toEqual([]);
        expect(a.lost).toHaveLength(1);
        expect(b.lost).toEqual([]);
        expect((await lease()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
      },
    );

    test('a candidate that slept through many renewals does not take its old news for silence', async (context) => {
      const { stage, a, b, until } = await setUp(context);
      b.freezer.freeze();
      const endMillis = stage.clock.now() + 2 * timing.leaseDurationMillis;
      await until(() => stage.clock.now() > endMillis, 'two durations of the Lease');
      b.freezer.thaw();
      const calls = b.wire.calls.length;
      await until(() => b.wire.calls.length > calls + 3, 'b to look again');
      expect([a.elector.stillLeading(), b.elector.isLeader()]).toEqual([true, false]);
    });

    test.for([
      { a: 30_000, b: -30_000 },
      { a: -30_000, b: 30_000 },
      { a: hour, b: -hour },
      { a: -hour, b: hour },
    ])('wall clocks that are $a ms and $b ms off do not matter', async ({ a: skewA, b: skewB }, context) => {
      const { stage, a, b, until, lease } = await setUp(context, [skewA, skewB]);
      const endMillis = stage.clock.now() + 2 * timing.leaseDurationMillis;
      await until(() => stage.clock.now() > endMillis, 'two durations of the Lease');
      expect([a.elector.isLeader(), b.elector.isLeader()]).toEqual([true, false]);
      a.freezer.freeze();
      await until(() => b.elector.isLeader(), 'b to take over');
      expect((await lease()).spec?.holderIdentity).toBe('b');
    });

    const troubles: Readonly<Record<string, { readonly misdeed: Misdeed; readonly says: object }>> = {
      'reaches nobody': { misdeed: { kind: 'requestLost' }, says: { reason: 'Unreachable' } },
      'gets no answer': { misdeed: { kind: 'hang' }, says: { reason: 'Timeout' } },
      'is throttled': {
        misdeed: { kind: 'answer', status: 429, reason: 'TooManyRequests' },
        says: { status: 429 },
      },
      'gets errors': { misdeed: { kind: 'answer', status: 500 }, says: { status: 500 } },
      'may no longer write': {
        misdeed: { kind: 'answer', status: 403, reason: 'Forbidden' },
        says: { status: 403 },
      },
      'gets conflict after conflict': {
        misdeed: { kind: 'answer', status: 409, reason: 'Conflict' },
        says: { status: 409 },
      },
      'gets garbage': {
        misdeed: { kind: 'answer', status: 200, body: '<html>' },
        says: { reason: 'BrokenAnswer' },
      },
    };
    test.for(Object.keys(troubles))(
      'a leader that %s steps down in time, says why, and asks at a measured pace',
      async (reason, context) => {
        const trouble = troubles[reason];
        const { stage, a, b, until } = await setUp(context);
        const before = a.wire.calls.length;
        a.wire.misdeed = (call) => (call.method === 'GET' ? undefined : trouble?.misdeed);
        await until(() => b.elector.isLeader(), 'b to take over');
        expect(a.lost).toHaveLength(1);
        expect(a.failures.length).toBeGreaterThan(0);
        for (const failure of a.failures) expect(failure).toMatchObject(trouble?.says ?? {});
        expect(worstMinute(a.wire.calls.slice(before))).toBeLessThanOrEqual(requestsPerMinuteMax);
        const after = a.wire.calls.length;
        await stage.pass(3 * timing.retryPeriodMillis);
        expect(a.wire.calls).toHaveLength(after);
      },
    );

    test('who lost the lead while it was still asking does not renew the Lease with the late answer', async (context) => {
      const { stage, a, b, until } = await setUp(context);
      const slow = (): Misdeed => ({ kind: 'slowAnswer', until: sleep(stage.clock, 36_000) });
      // Its renewal is stored unheard; what follows is answered so slowly that the deadline passes in between.
      const misdeeds: Misdeed[] = [{ kind: 'answerLost' }, { kind: 'requestLost' }];
      const before = a.wire.calls.length;
      a.wire.misdeed = () => misdeeds.shift() ?? slow();
      await until(() => a.lost.length > 0, 'a to step down');
      await until(() => b.elector.isLeader(), 'b to take over');
      const methods = a.wire.calls.slice(before).map((call) => `${call.method} ${call.status}`);
      expect(methods).toEqual(['PUT undefined', 'PUT undefined', 'PUT 409', 'GET 200']);
    });

    test('a deleted Lease is made again by its holder, and nobody else takes it meanwhile', async (context) => {
      const { stage, namespace, honest, a, b, lease, until } = await setUp(context);
      let isDeleted = false;
      const deleteIt = async (): Promise<void> => {
        await honest.delete(leases, { namespace, name: 'main' }, {});
        isDeleted = true;
      };
      // Right after a renewal, and right before the other one looks.
      await until(() => a.wire.writes().length > 3, 'a renewal');
      b.wire.misdeed = () => {
        b.wire.behave();
        return { kind: 'slowRequest', until: deleteIt() };
      };
      await until(() => isDeleted, 'the deletion');
      const endMillis = stage.clock.now() + 5 * timing.retryPeriodMillis;
      await until(() => stage.clock.now() > endMillis, 'a few attempts');
      expect([a.elector.stillLeading(), b.elector.isLeader()]).toEqual([true, false]);
      expect((await lease()).spec?.holderIdentity).toBe('a');
      expect([...a.lost, ...b.lost]).toEqual([]);
    });

    test('a Lease that was deleted when its holder was dead is free after its time, and its transitions go on', async (context) => {
      const { namespace, honest, a, b, until } = await setUp(context);
      a.freezer.freeze();
      await honest.delete(leases, { namespace, name: 'main' }, {});
      await until(() => b.elector.isLeader(), 'b to take over');
      expect(b.elector.leaseTransitions()).toBe(1);
    });

    test('a candidate that stops while it is asking takes nothing any more', async (context) => {
      const { namespace, stage, honest, a, b, until } = await setUp(context);
      b.wire.misdeed = () => ({ kind: 'slowAnswer', until: sleep(stage.clock, 10_000) });
      await a.elector.stop();
      const before = b.wire.calls.length;
      await until(() => b.wire.calls.length > before, 'b to ask');
      await stopAll(stage, [b], 'as it is');
      expect(b.wire.writes()).toEqual([]);
      expect((await honest.get<Lease>(leases, { namespace, name: 'main' })).spec?.holderIdentity).toBe('');
    });

    test('another holder ends the lead at once, even one who names no duration', async (context) => {
      const { namespace, honest, a, b, lease, until } = await setUp(context);
      await honest.mergePatch(
        leases,
        { namespace, name: 'main' },
        { spec: { holderIdentity: 'usurper', leaseDurationSeconds: null } },
      );
      await until(() => a.lost.length > 0, 'a to step down');
      await until(() => b.elector.isLeader(), 'b to take over');
      expect((await lease()).spec?.holderIdentity).toBe('b');
    });
  });
}

function onNextPut(wire: MisbehavingTransport, act: () => Misdeed | undefined): void {
  wire.misdeed = (call) => {
    if (call.method !== 'PUT') return undefined;
    wire.behave();
    return act();
  };
}

/** In the stage's time: a stop waits for what is under way. */
async function stopAll(
  stage: Stage,
  candidates: readonly Candidate[],
  how: 'healed' | 'as it is' = 'healed',
): Promise<void> {
  let running = candidates.length;
  for (const { elector, wire, freezer } of candidates) {
    if (how === 'healed') wire.behave();
    freezer.thaw();
    void elector.stop().then(() => (running -= 1));
  }
  await stage.until(() => running === 0, 'the electors to stop');
}
