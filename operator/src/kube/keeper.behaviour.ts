/**
 * A whole operator, in small, on a server that misbehaves: killed at every effect, shown the past, refused again and again. It ends where an
 * undisturbed one ends, leaves nothing behind, and then rests.
 */
import { describe, expect, test } from 'vitest';
import { type KubeClient, listAll } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import type { Lease } from './lease.ts';
import { isWatch } from './testing/misbehaving-transport.ts';
import { type Stage, clientOn, newNamespace } from './testing/stage.ts';
import { type Widget, widgets, worstMinute } from './testing/watched-widgets.ts';
import { type Death, WidgetKeeper, finalizer, isChild } from './testing/widget-keeper.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const events = { group: 'events.k8s.io', version: 'v1', plural: 'events' };

/** What a life from the creation to the deletion of one widget asks for, when nothing goes wrong. */
const undisturbed = [
  'POST leases',
  'PATCH widgets',
  'POST widgets',
  'POST events',
  'PATCH widgets/status',
  'DELETE widgets',
  'PATCH widgets',
  'PUT leases',
];

type World = {
  readonly stage: Stage;
  readonly namespace: string;
  readonly honest: KubeClient;
  readonly create: (size: number) => Promise<Widget>;
  readonly get: () => Promise<Widget | undefined>;
  readonly untilSeen: (size: number) => Promise<void>;
  readonly untilGone: () => Promise<void>;
};

export function describeKeeper(name: string, open: () => Stage): void {
  describe.concurrent(`an operator in small on ${name}`, () => {
    async function setUp(): Promise<World> {
      const stage = open();
      const namespace = await newNamespace(stage);
      const honest = clientOn(stage.transport, stage.clock);
      const list = async (): Promise<readonly Widget[]> =>
        (await listAll<Widget>(honest, widgets, { namespace })).items;
      const get = async (): Promise<Widget | undefined> => (await list()).find((one) => !isChild(one));
      return {
        stage,
        namespace,
        honest,
        get,
        create: (size) =>
          honest.create<Widget>(widgets, namespace, {
            apiVersion: 'kube.test/v1',
            kind: 'Widget',
            metadata: { name: 'w' },
            spec: { size },
          }),
        untilSeen: (size) =>
          stage.until(async () => (await get())?.status?.['seen'] === size, `size ${size} to be seen`),
        untilGone: () => stage.until(async () => (await list()).length === 0, 'everything to be gone'),
      };
    }

    /** One life after the other until the work is done; only the first one dies. Answers all of them. */
    async function live({ stage, namespace }: World, death: Death | undefined) {
      const lives: WidgetKeeper[] = [];
      const begin = (thisDeath?: Death): void => {
        const keeper = new WidgetKeeper(stage, namespace, `life-${lives.length + 1}`, thisDeath);
        lives.push(keeper);
        void keeper.run();
      };
      begin(death);
      const current = (): WidgetKeeper => {
        if (lives.at(-1)?.isDead === true) begin();
        const last = lives.at(-1);
        if (last === undefined) throw new Error('nobody lives');
        return last;
      };
      return { lives, current };
    }

    async function stop(stage: Stage, keeper: WidgetKeeper): Promise<void> {
      let isStopped = false;
      void keeper.stop().then(() => (isStopped = true));
      await stage.until(() => isStopped || keeper.isDead, 'the keeper to stop');
    }

    /** The whole story of one widget under keepers that may die. */
    async function story(death: Death | undefined): Promise<{ lives: WidgetKeeper[]; eventsTold: number }> {
      const world = await setUp();
      const { stage, namespace, honest } = world;
      const { lives, current } = await live(world, death);
      await world.create(1);
      await stage.until(async () => {
        current();
        return (await world.get())?.status?.['seen'] === 1;
      }, 'the size to be seen');
      const told = async (): Promise<number> =>
        (await listAll<KubeObject>(honest, events, { namespace })).items.length;
      const seen = await world.get();
      expect(seen).toMatchObject({ status: { seen: 1 }, metadata: { finalizers: [finalizer] } });
      expect(
        (await honest.get<Widget>(widgets, { namespace, name: `child-${seen?.metadata.uid}` })).metadata,
      ).toBeDefined();
      await honest.delete(widgets, { namespace, name: 'w' }, {});
      await stage.until(async () => {
        current();
        return (await listAll<Widget>(honest, widgets, { namespace })).items.length === 0;
      }, 'widget and child to be gone');
      // Giving the Lease back may itself be where it dies: then the next one takes it after its time.
      for (let last = current(); ; last = current()) {
        await stage.until(() => last.elector.isLeader(), 'the last life to lead');
        await stop(stage, last);
        if (!last.isDead) break;
      }
      const lease = await honest.get<Lease>(leases, { namespace, name: 'keeper' });
      expect(lease.spec?.holderIdentity).toBe('');
      return { lives, eventsTold: await told() };
    }

    describe('killed at every effect, it ends as if nothing had happened', () => {
      test('the effects of a life without trouble', async () => {
        const { lives, eventsTold } = await story(undefined);
        expect(lives.map((keeper) => keeper.effects.toSorted())).toEqual([undisturbed.toSorted()]);
        expect(eventsTold).toBe(1);
      });

      const deaths = undisturbed.flatMap((what, effect) => [
        { what, effect, when: 'before' as const },
        { what, effect, when: 'after' as const },
      ]);
      test.each(deaths)('$when effect $effect', async ({ effect, when }) => {
        const { lives, eventsTold } = await story({ effect, when });
        expect(lives).toHaveLength(2);
        expect(lives[0]?.isDead).toBe(true);
        expect(eventsTold).toBeLessThanOrEqual(2);
        // Together they asked for nothing that the undisturbed one does not ask for, and each thing at most once per life.
        for (const { effects } of lives) {
          for (const one of effects) expect(undisturbed).toContain(one);
          expect(effects.length).toBeLessThanOrEqual(undisturbed.length);
        }
      });
    });

    async function seenOnce(): Promise<World & { readonly keeper: WidgetKeeper; readonly made: Widget }> {
      const world = await setUp();
      const keeper = new WidgetKeeper(world.stage, world.namespace, 'keeper');
      void keeper.run();
      const made = await world.create(1);
      await world.untilSeen(1);
      await world.stage.until(() => keeper.effects.includes('POST events'), 'the Event');
      return { ...world, keeper, made };
    }

    const isLease = (effect: string): boolean => effect.endsWith('leases');

    describe('shown the past, it acts on nothing older than what it wrote', () => {
      test('the watch lags behind from the start of each look: no effect is repeated', async () => {
        const world = await setUp();
        const { stage } = world;
        const keeper = new WidgetKeeper(stage, world.namespace, 'keeper');
        void keeper.run();
        await stage.until(() => keeper.wire.watches.size > 0 && keeper.elector.isLeader(), 'a watch');
        // It hears of the creation and then of nothing more.
        keeper.wire.fateOfLine = (line) => {
          keeper.wire.watch().hold();
          return line.includes('"ADDED"') ? 'pass' : 'drop';
        };
        keeper.wire.watch().hold();
        await world.create(1);
        await stage.pass(1_000);
        keeper.wire.watch().release();
        await world.untilSeen(1);
        for (let look = 0; look < 5; look += 1) {
          keeper.queue.add(`${world.namespace}/w`);
          await stage.pass(1_000);
        }
        const mine = keeper.effects.filter((effect) => !isLease(effect) && !effect.endsWith('events'));
        expect(mine).toEqual(['PATCH widgets', 'POST widgets', 'PATCH widgets/status']);
        expectNoOlderLook(keeper);
        await stop(stage, keeper);
      });

      test('a list from the past is refused, and the present is asked for', async () => {
        const { stage, keeper, honest, namespace, ...world } = await seenOnce();
        let past = '';
        keeper.wire.misdeed = (call) => {
          if (isWatch(call) || call.method !== 'GET') return undefined;
          return {
            kind: 'rewrite',
            text: (text) => {
              if (past === '') past = text;
              return call.query.has('resourceVersionMatch') ? past : text;
            },
          };
        };
        const relist = async (): Promise<void> => {
          const before = keeper.wire.lists().length;
          keeper.wire.watch().injectError(410, 'Expired');
          await stage.until(
            () => keeper.wire.lists().length > before && keeper.wire.watches.size > 0,
            'a list',
          );
        };
        await relist();
        await honest.mergePatch(widgets, { namespace, name: 'w' }, { spec: { size: 2 } });
        await world.untilSeen(2);
        const before = keeper.effects.length;
        const looks = keeper.looks.length;
        await relist();
        await stage.pass(5_000);
        expect(keeper.wire.lists().at(-1)?.query.has('resourceVersionMatch')).toBe(false);
        expect(keeper.effects.slice(before)).toEqual([]);
        expect(keeper.looks.slice(looks)).toEqual([]);
        expectNoOlderLook(keeper);
        await stop(stage, keeper);
      });

      test('news of a predecessor under the same name causes nothing', async () => {
        const lines: string[] = [];
        const { stage, keeper, honest, namespace, made, ...world } = await seenOnce();
        keeper.wire.fateOfLine = (line) => {
          lines.push(`${line}\n`);
          return 'pass';
        };
        await honest.mergePatch(widgets, { namespace, name: 'w' }, { spec: { size: 2 } });
        await world.untilSeen(2);
        await honest.delete(widgets, { namespace, name: 'w' }, {});
        await world.untilGone();
        await world.create(3);
        await world.untilSeen(3);
        const looks = keeper.looks.length;
        const writes = keeper.wire.writes().length;
        for (const line of lines.filter((one) => one.includes(made.metadata.uid)))
          keeper.wire.watch().inject(line);
        keeper.queue.add(`${namespace}/w`);
        await stage.until(() => keeper.looks.length > looks, 'a look');
        expect(keeper.looks.slice(looks).map((look) => look.uid)).not.toContain(made.metadata.uid);
        expect(
          keeper.wire
            .writes()
            .slice(writes)
            .filter((call) => call.path.includes('widgets')),
        ).toEqual([]);
        expectNoOlderLook(keeper);
        await stop(stage, keeper);
      });

      test('an answer that comes after the end of its object raises no ghost', async () => {
        const { stage, keeper, honest, namespace, ...world } = await seenOnce();
        let answer: () => void = () => undefined;
        const late = new Promise<void>((resolve) => (answer = resolve));
        const behave = keeper.wire.misdeed;
        keeper.wire.misdeed = (call) =>
          call.path.endsWith('/status') ? { kind: 'slowAnswer', until: late } : behave(call);
        await honest.mergePatch(widgets, { namespace, name: 'w' }, { spec: { size: 2 } });
        await world.untilSeen(2);
        await honest.mergePatch(widgets, { namespace, name: 'w' }, { metadata: { finalizers: null } });
        await honest.delete(widgets, { namespace, name: 'w' }, {});
        await stage.until(
          () => keeper.informer.store.get(`${namespace}/w`) === undefined,
          'its end to be known',
        );
        answer();
        await stage.pass(5_000);
        expect(keeper.informer.store.get(`${namespace}/w`)).toBeUndefined();
        await stop(stage, keeper);
      });
    });

    test('refused with conflicts for minutes, it asks at a falling pace and then goes on', async () => {
      const { stage, keeper, honest, namespace, ...world } = await seenOnce();
      keeper.wire.misdeed = (call) =>
        call.method === 'PATCH' ? { kind: 'answer', status: 409, reason: 'Conflict' } : undefined;
      const before = keeper.wire.calls.length;
      await honest.mergePatch(widgets, { namespace, name: 'w' }, { spec: { size: 2 } });
      await stage.pass(3 * 60_000);
      const asked = keeper.wire.calls.slice(before).filter((call) => call.method === 'PATCH');
      expect(asked.length).toBeGreaterThan(5);
      expect(worstMinute(asked)).toBeLessThan(30);
      keeper.wire.behave();
      await world.untilSeen(2);
      await stop(stage, keeper);
    });

    test('when all is done it rests: no write, no read, nothing waiting', async () => {
      const { stage, keeper } = await seenOnce();
      await stage.pass(10_000);
      const before = keeper.wire.calls.length;
      await stage.pass(stage.quietMillis);
      const asked = keeper.wire.calls.slice(before).filter((call) => !call.path.includes('/leases/'));
      // A quiet watch of the fake brings no bookmarks, so its watchdog looks every two minutes.
      expect(asked.filter((call) => !isWatch(call))).toEqual([]);
      expect(worstMinute(asked)).toBeLessThanOrEqual(1);
      expect(keeper.queue.snapshot()).toEqual({
        depth: { normal: 0, low: 0 },
        processingSinceMillis: [],
        delayed: 0,
      });
      await stop(stage, keeper);
    });
  });
}

/** Of one uid it never looked at a version older than one it had looked at before. */
function expectNoOlderLook({ looks }: WidgetKeeper): void {
  const seen = new Map<string, bigint>();
  for (const { uid, resourceVersion } of looks) {
    expect(BigInt(resourceVersion) >= (seen.get(uid) ?? 0n)).toBe(true);
    seen.set(uid, BigInt(resourceVersion));
  }
}
