/**
 * The reflector against an API server, or a network, that misbehaves: edges that nobody saw, history that is gone, answers that make no
 * sense. Whatever happens, the store ends at the truth, nothing spins, and the observer is told why.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import { watchSilenceMaxMillis } from './reflector.ts';
import { type Misdeed, isList, isWatch } from './testing/misbehaving-transport.ts';
import type { Stage } from './testing/stage.ts';
import type { TappedWatch } from './testing/tapped-watch.ts';
import {
  type WatchOptions,
  type WatchedWidgets,
  startWatching,
  untilWatching,
  watchWidgets,
  worstMinute,
} from './testing/watched-widgets.ts';

const minute = 60_000;
/** 0.8 + 1.6 + 3.2 + ... + 30 s: the first minute of failing has about seven tries, each of at most four requests. */
const requestsPerMinuteMax = 30;

export function describeReflector(name: string, open: () => Stage): void {
  describe(`the reflector on ${name}`, () => {
    const opened: WatchedWidgets[] = [];
    afterAll(async () => {
      for (const world of opened.splice(0)) await world.informer.stop();
    });
    const watching = async (
      before?: (world: WatchedWidgets) => Promise<unknown>,
      options: WatchOptions = {},
    ): Promise<WatchedWidgets> => {
      const world = await startWatching(open(), options, before);
      opened.push(world);
      return world;
    };
    const notStarted = async (options: WatchOptions = {}): Promise<WatchedWidgets> => {
      const world = await watchWidgets(open(), options);
      opened.push(world);
      return world;
    };

    describe('a watch that breaks comes back at the same version after a pause, and nothing is lost', () => {
      const breaks: Readonly<Record<string, (watch: TappedWatch) => void>> = {
        'the connection is cut': (watch) => watch.cut(),
        'a line is cut in the middle': (watch) => {
          watch.inject('{"type":"MODIF');
          watch.end();
        },
        'a line is no JSON': (watch) => watch.inject('<html>\n'),
        'a line is JSON, but no event': (watch) => watch.inject('null\n'),
        'an event has no object': (watch) => watch.inject('{"type":"ADDED"}\n'),
        'an event has no version': (watch) =>
          watch.inject('{"type":"ADDED","object":{"metadata":{"name":"x","namespace":"y","uid":"z"}}}\n'),
        'an error of the server comes inside the stream': (watch) => watch.injectError(500, 'InternalError'),
        'it ends at once': (watch) => watch.end(),
      };
      test.each(Object.keys(breaks))('%s', async (reason) => {
        const world = await watching(({ create }) => create('old'));
        const { wire, create, get, failures, gapsMillis } = world;
        breaks[reason]?.(wire.watch());
        await create('new');
        await world.untilTrue();
        const from = wire.watchCalls().map((call) => call.query.get('resourceVersion'));
        expect(from.slice(1)).toEqual([from[0]]);
        expect(wire.lists()).toHaveLength(1);
        expect(failures.at(-1)?.stage).toBe('watch');
        // The pause is at least 0.8 s; a real timer may come a little early.
        expect(gapsMillis[1]).toBeGreaterThan(700);
        expect(get('new')).toBeDefined();
      });
    });

    describe('an edge that nobody saw', () => {
      /** Seven events: additions, a change there and back, a deletion, a successor under the same name. */
      const history = async ({ create, patch, remove }: WatchedWidgets): Promise<void> => {
        await create('new');
        await patch('kept', { size: 2 });
        await patch('kept', { size: 1 });
        await remove('gone');
        await remove('replaced');
        await create('replaced');
        await patch('new', { size: 3 });
      };
      const start = (): Promise<WatchedWidgets> =>
        watching(async ({ create }) => {
          for (const one of ['kept', 'gone', 'replaced']) await create(one);
        });

      test.each([0, 1, 2, 3, 4, 5, 6])(
        'the connection breaks right before event %i: the next watch brings it',
        async (lostEvent) => {
          const world = await start();
          let events = 0;
          world.wire.fateOfLine = () => ((events += 1) === lostEvent + 1 ? 'cutBefore' : 'pass');
          await history(world);
          await world.untilTrue();
          expect(world.wire.lists()).toHaveLength(1);
          expectNoStepBack(world);
        },
      );

      test.each([0, 1, 2, 3, 4, 5, 6])(
        'event %i is lost without a sign: the next list finds what it was',
        async (lostEvent) => {
          const world = await start();
          const { wire, stage } = world;
          let events = 0;
          wire.fateOfLine = () => ((events += 1) === lostEvent + 1 ? 'drop' : 'pass');
          await history(world);
          await stage.until(() => events >= 7, 'all events');
          wire.watch().injectError(410, 'Expired');
          await world.untilTrue();
          expectNoStepBack(world);
          expect(world.told().filter((line) => line === 'deleted gone')).toHaveLength(1);
        },
      );

      test('made and deleted, or changed there and back, while nobody watched: no ghost, and one change', async () => {
        const world = await start();
        const { wire, changes } = world;
        wire.misdeed = (call) => (isWatch(call) ? { kind: 'requestLost' } : undefined);
        wire.watch().cut();
        await world.create('brief');
        await world.remove('brief');
        await world.patch('kept', { size: 2 });
        await world.patch('kept', { size: 1 });
        const before = changes.length;
        wire.misdeed = (call) =>
          isWatch(call) && wire.lists().length === 1 ? { kind: 'answer', status: 410 } : undefined;
        await world.untilTrue();
        await untilWatching(world);
        expect(world.told().slice(before)).toEqual(['updated kept']);
        expect(world.get('brief')).toBeUndefined();
      });

      test('a late word of a predecessor leaves the successor that we made ourselves alone', async () => {
        const world = await start();
        world.wire.watch().hold();
        await world.remove('replaced');
        const successor = await world.create('replaced');
        world.informer.store.observeWrite(successor);
        world.wire.watch().release();
        await world.create('later');
        await world.untilTrue();
        expectNoStepBack(world);
        expect(world.told().slice(3)).toEqual(['deleted replaced', 'added replaced', 'added later']);
      });

      test('deletions and successors are found by uid, as a deletion and an addition', async () => {
        const world = await start();
        const replaced = world.get('replaced')?.metadata.uid;
        world.wire.watch().hold();
        await world.remove('gone');
        await world.remove('replaced');
        await world.create('replaced');
        world.wire.watch().injectError(410, 'Expired');
        await world.untilTrue();
        expect(world.told().slice(3).toSorted()).toEqual([
          'added replaced',
          'deleted gone',
          'deleted replaced',
        ]);
        expect(world.get('replaced')?.metadata.uid).not.toBe(replaced);
      });
    });

    describe('lost history', () => {
      test.each<{ readonly reason: string; readonly tell: (world: WatchedWidgets) => void }>([
        { reason: 'as an HTTP answer', tell: ({ wire }) => wire.watch().cut() },
        { reason: 'inside the stream', tell: ({ wire }) => wire.watch().injectError(410, 'Expired') },
      ])('410 $reason: one list at the last version, then a watch from there', async ({ tell }) => {
        const world = await watching(({ create }) => create('a'));
        const { wire } = world;
        const from = wire.watchCalls()[0]?.query.get('resourceVersion');
        wire.misdeed = (call) =>
          isWatch(call) && wire.lists().length === 1
            ? { kind: 'answer', status: 410, reason: 'Expired' }
            : undefined;
        tell(world);
        await world.create('b');
        await world.untilTrue();
        await untilWatching(world);
        expect(wire.lists().map((call) => call.query.get('resourceVersion'))).toEqual([null, from]);
      });

      test.each([
        { reason: 'too old', status: 410, name: 'Expired' },
        { reason: 'too new', status: 504, name: 'Timeout' },
      ])('the last version itself is $reason for the server: a consistent read', async ({ status, name }) => {
        const world = await watching(({ create }) => create('a'));
        const { wire } = world;
        const details = { causes: [{ reason: 'ResourceVersionTooLarge' }] };
        const body = JSON.stringify({ kind: 'Status', code: status, reason: name, details });
        wire.misdeed = (call) =>
          call.query.has('resourceVersionMatch') ? { kind: 'answer', status, body } : undefined;
        wire.watch().injectError(410, 'Expired');
        await world.create('b');
        await world.untilTrue();
        expect(wire.lists().at(-1)?.query.get('resourceVersion')).toBeNull();
      });

      test('the continue token expires half-way: the list starts again, in one piece', async () => {
        const world = await notStarted();
        for (const one of ['a', 'b', 'c', 'd', 'e']) await world.create(one);
        world.wire.misdeed = (call) =>
          call.query.has('continue') ? { kind: 'answer', status: 410, reason: 'Expired' } : undefined;
        world.informer.start();
        await world.untilTrue();
        expect(world.wire.lists().map((call) => call.query.get('limit'))).toEqual(['2', null]);
      });
    });

    describe('trouble that lasts', () => {
      const answer = (status: number, more: object = {}): Misdeed => ({ kind: 'answer', status, ...more });
      type Trouble = {
        readonly misdeed: Misdeed;
        readonly at: 'list' | 'watch' | 'both';
        readonly says: object;
      };
      const troubles: Readonly<Record<string, Trouble>> = {
        'lists are throttled': {
          misdeed: answer(429, { retryAfter: '2' }),
          at: 'list',
          says: { status: 429, retryAfterMillis: 2_000 },
        },
        'watches are throttled': {
          misdeed: answer(429, { retryAfter: '7' }),
          at: 'watch',
          says: { status: 429, retryAfterMillis: 7_000 },
        },
        'the server fails': { misdeed: answer(500), at: 'both', says: { status: 500 } },
        'permission is taken away': {
          misdeed: answer(403, { reason: 'Forbidden' }),
          at: 'both',
          says: { status: 403, reason: 'Forbidden' },
        },
        'credentials are refused': { misdeed: answer(401), at: 'both', says: { status: 401 } },
        'history is always lost': {
          misdeed: answer(410, { reason: 'Expired' }),
          at: 'watch',
          says: { status: 410 },
        },
        'nobody is reached': {
          misdeed: { kind: 'requestLost' },
          at: 'both',
          says: { reason: 'Unreachable' },
        },
        'nothing is answered': { misdeed: { kind: 'hang' }, at: 'both', says: { reason: 'Timeout' } },
        'a list breaks off': {
          misdeed: { kind: 'rewrite', text: (text) => text.slice(0, -20) },
          at: 'list',
          says: { reason: 'BrokenAnswer' },
        },
        'a proxy answers 200 with a page of its own': {
          misdeed: answer(200, { body: '<html>please log in</html>' }),
          at: 'both',
          says: { reason: 'BrokenAnswer' },
        },
        'a proxy answers 200 with JSON that is no list': {
          misdeed: answer(200, { body: '{"message":"please log in"}' }),
          at: 'list',
          says: { reason: 'BrokenAnswer' },
        },
      };
      const hits = (at: Trouble['at']) => (call: Parameters<typeof isWatch>[0]) =>
        (at !== 'list' && isWatch(call)) || (at !== 'watch' && isList(call));

      test.concurrent.each(Object.keys(troubles))(
        'from the start, %s: bounded, told, and healed',
        async (reason) => {
          const trouble = troubles[reason];
          if (trouble === undefined) return;
          const world = await notStarted({ requestTimeoutMillis: 20_000 });
          const { wire, stage, informer, failures } = world;
          await world.create('a');
          const bites = hits(trouble.at);
          wire.misdeed = (call) => (bites(call) ? trouble.misdeed : undefined);
          informer.start();
          await stage.pass(stage.quietMillis / 2);
          expect(worstMinute(wire.calls)).toBeLessThan(requestsPerMinuteMax);
          expect(failures.length).toBeGreaterThan(0);
          for (const { error } of failures) expect(error).toMatchObject(trouble.says);
          expect(informer.hasSynced()).toBe(trouble.at === 'watch');
          wire.behave();
          await world.create('b');
          await world.untilTrue();
          expect(world.told()).toEqual(['added a', 'added b']);
          await informer.stop();
        },
      );

      test.concurrent.each(Object.keys(troubles))('later, %s: what was known stays known', async (reason) => {
        const trouble = troubles[reason];
        if (trouble === undefined) return;
        const world = await watching(({ create }) => create('a'), { requestTimeoutMillis: 20_000 });
        const { wire, stage, informer } = world;
        const bites = hits(trouble.at);
        wire.misdeed = (call) => (bites(call) ? trouble.misdeed : undefined);
        wire.watch().injectError(410, 'Expired');
        await stage.pass(stage.quietMillis / 4);
        expect(worstMinute(wire.calls)).toBeLessThan(requestsPerMinuteMax);
        expect(world.told()).toEqual(['added a']);
        wire.behave();
        await world.create('b');
        await world.untilTrue();
        expect(world.told()).toEqual(['added a', 'added b']);
        await informer.stop();
      });

      test('every watch replays an old event and ends: no hot loop', async () => {
        const old: string[] = [];
        const world = await watching(async (world) => {
          await world.create('a');
          world.wire.fateOfLine = (line) => {
            old.push(line);
            return 'pass';
          };
        });
        const { wire, stage } = world;
        await world.patch('a', { size: 2 });
        await world.untilTrue();
        const [line] = old;
        const before = wire.calls.length;
        const body = `${line}\n`;
        // After so many the point is made, and virtual time must be able to go on.
        const isEnough = (): boolean => wire.calls.length - before > 200;
        wire.misdeed = (call) => {
          if (!isWatch(call)) return undefined;
          return isEnough() ? { kind: 'hang' } : { kind: 'answer', status: 200, body };
        };
        wire.watch().end();
        await stage.pass(2 * minute);
        expect(wire.calls.length - before).toBeGreaterThan(2);
        expect(worstMinute(wire.calls.slice(before))).toBeLessThan(requestsPerMinuteMax);
        expect(world.told()).toEqual(['added a', 'updated a']);
      });

      test('a black-holed watch is cut by the watchdog', async () => {
        const world = await watching();
        const { wire, stage } = world;
        wire.watch().blackHole();
        await world.create('a');
        await stage.pass(watchSilenceMaxMillis / 2);
        expect(world.get('a')).toBeUndefined();
        await world.untilTrue();
        expect(wire.watchCalls().length).toBeGreaterThan(1);
        expect(wire.lists()).toHaveLength(1);
      });

      test('a server that says to stay away for a year, or a proxy whose clock is wrong, is asked again within minutes', async () => {
        for (const retryAfter of ['31536000', new Date(Date.UTC(2099, 0)).toUTCString()]) {
          const world = await watching();
          const { wire, stage } = world;
          wire.misdeed = (call) => (isWatch(call) ? answer(429, { retryAfter }) : undefined);
          wire.watch().cut();
          await stage.until(() => wire.watchCalls().length > 1, 'the refusal');
          wire.behave();
          await untilWatching(world);
          expect(wire.lists()).toHaveLength(1);
        }
      });

      test('many watchers do not come back in step', async () => {
        const worlds: WatchedWidgets[] = [];
        for (const share of [0, 0.25, 0.5, 0.75])
          worlds.push(await watching(undefined, { random: () => share }));
        for (const { wire } of worlds) wire.watch().cut();
        for (const world of worlds) await untilWatching(world);
        const gaps = worlds.map(({ gapsMillis }) => Math.round((gapsMillis[1] ?? 0) / 100));
        expect(new Set(gaps).size).toBeGreaterThan(1);
      });
    });

    describe('objects as they should not be', () => {
      test('lists in any order give the same store', async () => {
        const world = await notStarted({ pageSize: 100 });
        for (const one of ['c', 'a', 'e', 'b', 'd']) await world.create(one);
        world.wire.misdeed = (call) =>
          isList(call) ? { kind: 'rewrite', text: withItems((items) => items.toReversed()) } : undefined;
        world.informer.start();
        await untilWatching(world);
        world.wire.watch().injectError(410, 'Expired');
        await world.create('f');
        await world.untilTrue();
        expect(world.told().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((one) => `added ${one}`));
      });

      test('odd, but valid: no spec, nothing but nulls and empties, deep, long names, every script', async () => {
        const deep: object = JSON.parse('{"a":'.repeat(60) + '1' + '}'.repeat(60));
        const odd: readonly {
          readonly name: string;
          readonly spec?: object | undefined;
          readonly metadata?: object;
        }[] = [
          { name: 'no-spec', spec: undefined },
          { name: 'empty', spec: {}, metadata: { labels: {}, annotations: {}, finalizers: [] } },
          { name: 'deep', spec: { deep } },
          { name: 'x'.repeat(253), spec: { size: 0 } },
          { name: 'a.b-c.d', spec: { text: 'Ω\u2028\u2029\n{"type":"ERROR"}\n😀' } },
          { name: '0', spec: { __proto__x: 1, constructor: 'c', toString: 't' } },
        ];
        const world = await watching(({ create }) => create('before'));
        for (const { name, ...more } of odd) await world.create(name, more);
        await world.untilTrue();
        world.wire.watch().injectError(410, 'Expired');
        await world.create('after');
        await world.untilTrue();
        expect(world.get('a.b-c.d')?.spec?.['text']).toBe('Ω\u2028\u2029\n{"type":"ERROR"}\n😀');
        expect(world.failures.map(({ error }) => error instanceof ApiError && error.status)).toEqual([410]);
      });

      test('an object of a megabyte comes by list and by watch', async () => {
        const blob = 'ü'.repeat(500_000);
        const world = await watching(({ create }) => create('listed', { spec: { blob } }));
        await world.create('watched', { spec: { blob } });
        await world.untilTrue();
        expect(world.get('watched')?.spec?.['blob']).toBe(blob);
        expect(world.get('listed')?.spec?.['blob']).toBe(blob);
        expect(world.failures).toEqual([]);
      });

      describe('one that cannot be read is reported and left out, however it is learned', () => {
        const options: WatchOptions = {
          transform: (raw) => {
            const widget: WatchedWidgets['changes'][number]['object'] = raw;
            if (widget.spec?.['size'] === 13) throw new Error('cannot read it');
            return widget;
          },
        };

        test('by the first list and by its first event', async () => {
          const world = await watching(({ create }) => create('listed', { spec: { size: 13 } }), options);
          await world.create('watched', { spec: { size: 13 } });
          await world.create('good');
          await world.stage.until(() => world.get('good') !== undefined, 'the good one');
          expect(world.told()).toEqual(['added good']);
          expect(world.failures.map((failure) => failure.stage)).toEqual(['object', 'object']);
          await world.patch('watched', { size: 1 });
          await world.patch('listed', { size: 1 });
          await world.untilTrue();
        });

        test('when a change makes it so, its old state is not kept either', async () => {
          const world = await watching(({ create }) => create('a'), options);
          await world.patch('a', { size: 13 });
          await world.create('later');
          await world.stage.until(() => world.get('later') !== undefined, 'the later one');
          expect(world.told()).toEqual(['added a', 'deleted a', 'added later']);
          await world.patch('a', { size: 2 });
          await world.untilTrue();
        });

        test('its deletion is not missed', async () => {
          const world = await watching(({ create }) => create('a'), options);
          world.wire.fateOfLine = (line) => (line.includes('MODIFIED') ? 'drop' : 'pass');
          await world.patch('a', { size: 13 });
          await world.remove('a');
          await world.untilTrue();
          expect(world.told()).toEqual(['added a', 'deleted a']);
        });
      });
    });
  });
}

/** What was told of one uid never went back, and of two that share a name the first was told deleted before the second was told added. */
function expectNoStepBack({ changes }: WatchedWidgets): void {
  const versions = new Map<string, bigint>();
  const holders = new Map<string, string>();
  for (const { kind, key, object } of changes) {
    const { uid, resourceVersion } = object.metadata;
    expect(BigInt(resourceVersion) >= (versions.get(uid) ?? 0n)).toBe(true);
    expect(holders.get(key)).toBe(kind === 'added' ? undefined : uid);
    versions.set(uid, kind === 'deleted' ? 2n ** 62n : BigInt(resourceVersion));
    if (kind === 'deleted') holders.delete(key);
    else holders.set(key, uid);
  }
}

/** Changes the items of a LIST answer. */
function withItems(change: (items: unknown[]) => unknown[]): (text: string) => string {
  return (text) => {
    const list: { items: unknown[] } = JSON.parse(text);
    return JSON.stringify({ ...list, items: change(list.items) });
  };
}
