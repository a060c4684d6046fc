import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { evolve } from './evolve.ts';
import { planWith } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Setup } from './testing/world.ts';

/** Schedules of everything that may go wrong, over the fence rows of docs/architecture.md. fast-check prints seed and path of a failure. */

const someRejections = fc.oneof(
  { weight: 3, arbitrary: fc.constant<number[]>([]) },
  { weight: 2, arbitrary: fc.array(fc.nat(4), { maxLength: 2 }) },
);

function setups(rejections: fc.Arbitrary<number[]>): fc.Arbitrary<Setup> {
  return fc
    .record({
      before: fc.constantFrom(['a'], ['a', 'b'], ['a', 'b', 'c'], []),
      after: fc.constantFrom(['n'], ['n', 'o'], []),
      maxAttempts: fc.constantFrom(1, 2, 5),
      rejecting: rejections,
      deadlineSeconds: fc.constantFrom(2, 30, 300),
      skewMillis: fc.constantFrom(0, 0, -3_000, 40_000),
    })
    .map(({ before, after, maxAttempts, rejecting, deadlineSeconds, skewMillis }) => ({
      plan: planWith({ before, after, maxAttempts, timeoutSeconds: 1 }),
      rejecting: new Set(rejecting),
      providerStep: before.length - 1,
      deadlineSeconds,
      skewMillis,
    }));
}

/** What may happen next. Numbers choose which message, or how long. */
type MoveKind = keyof typeof moves;
type Move = readonly [kind: MoveKind, who: number, pick: number];

const moves = {
  act: (world: World, who: number) => world.act(who),
  actUnheard: (world: World, who: number) => world.act(who, false),
  deliver: (world: World, _: number, pick: number) => world.deliverCommand(pick, 'well', false),
  duplicate: (world: World, _: number, pick: number) => world.deliverCommand(pick, 'well', true),
  breakService: (world: World, _: number, pick: number) =>
    world.deliverCommand(pick, 'breaks', pick % 2 === 0),
  muteService: (world: World, _: number, pick: number) => world.deliverCommand(pick, 'mute', pick % 2 === 0),
  loseCommand: (world: World, _: number, pick: number) => {
    world.bus.splice(pick, 1);
  },
  finishCall: (world: World, _: number, pick: number) => world.finishCall(pick, false),
  dieInCall: (world: World, _: number, pick: number) => world.finishCall(pick, true),
  reply: (world: World, who: number, pick: number) => world.deliverReply(who, pick, false),
  duplicateReply: (world: World, who: number, pick: number) => world.deliverReply(who, pick, true),
  loseReply: (world: World, who: number, pick: number) => {
    world.operator(who).inbox.splice(pick, 1);
  },
  wait: (world: World, _: number, pick: number) => {
    world.nowMillis += 120 * (pick + 1);
  },
  waitLong: (world: World) => {
    world.nowMillis += 5_000;
  },
  observe: (world: World, who: number) => world.observe(who),
  saveProgress: (world: World, who: number) => world.saveProgress(who),
  reconnect: (world: World, who: number) => world.reconnect(who),
  crash: (world: World, who: number) => world.crash(who),
  wipe: (world: World) => world.wipe(),
  suspend: (world: World) => world.wish({ suspend: true }),
  resume: (world: World) => world.wish({ suspend: false }),
  cancel: (world: World) => world.wish({ cancel: true }),
  delete: (world: World) => world.wish({ deleting: true }),
  abandon: (world: World, _: number, pick: number) => {
    const name = world.setup.plan.steps[pick]?.name;
    if (name) world.wish({ abandon: { step: name, by: 'ada' } });
  },
};

/** Tickets of each kind in the draw. */
type Weights = readonly (readonly [kind: MoveKind, tickets: number])[];

const usual: Weights = [
  ['act', 240],
  ['actUnheard', 20],
  ['deliver', 120],
  ['duplicate', 20],
  ['breakService', 20],
  ['muteService', 20],
  ['loseCommand', 10],
  ['finishCall', 40],
  ['dieInCall', 10],
  ['reply', 140],
  ['duplicateReply', 20],
  ['loseReply', 10],
  ['wait', 50],
  ['waitLong', 10],
  ['observe', 30],
  ['saveProgress', 20],
  ['reconnect', 10],
  ['crash', 10],
  ['suspend', 5],
  ['resume', 5],
  ['cancel', 5],
  ['delete', 4],
];

function schedules(weights: Weights): fc.Arbitrary<readonly Move[]> {
  const draw = weights.flatMap(([kind, tickets]) => Array<MoveKind>(tickets).fill(kind));
  return fc.array(fc.tuple(fc.constantFrom(...draw), fc.constantFrom(0, 0, 1), fc.nat(3)), {
    maxLength: 70,
    size: 'max',
  });
}

function play(setup: Setup, schedule: readonly Move[]): World {
  const world = new World(setup);
  for (const [kind, who, pick] of schedule) {
    if (world.gone) break;
    moves[kind](world, who, pick);
    mustBeSafe(world);
  }
  return world;
}

/** What must hold at every moment, whoever looks. */
function mustBeSafe(world: World): void {
  const { plan } = world.setup;
  const { rows, provider } = world.services;
  const before = rows.slice(0, plan.pivotIndex);
  const hasProvider = world.setup.providerStep >= 0;
  const { outcome } = world.object;
  if (world.object.checkpoint.abandoned.length > 0 || outcome === 'Abandoned') return;
  if (world.operators.some(({ state }) => (state?.abandoned.length ?? 0) > 0)) return;
  if (rows[plan.pivotIndex] === 'executed' && before.some((row) => row !== 'executed')) {
    throw new Error(`committed, but not all is in effect: ${rows.join(' ')}`);
  }
  if (outcome === 'Completed') {
    if (rows.some((row) => row !== 'executed')) throw new Error(`Completed too early: ${rows.join(' ')}`);
    if (hasProvider && provider !== 'captured') throw new Error(`Completed, and the provider: ${provider}`);
  }
  if (outcome === 'Compensated') {
    const open = before.some((row) => row === 'pending' || row === 'executed');
    // An empty place can still be taken by a command that is on its way; only where none can be, it may stay empty.
    const unsafe = world.finalizerWasHeld && before.includes('empty');
    if (open || unsafe) throw new Error(`Compensated too early: ${rows.join(' ')}`);
    if (provider === 'captured') throw new Error('Compensated, and the provider keeps the money');
  }
}

/** No faults from here on: both operators work, the bus delivers, nobody suspends. How many turns until the outcome is stored. */
function heal(world: World): number {
  world.wish({ suspend: false });
  for (let turn = 1; turn <= turnsMax; turn += 1) {
    if (world.object.outcome ?? world.gone) return turn;
    const quiet = [0, 1].map((who) => settle(world, who)).every(Boolean);
    while (world.bus.length > 0) world.deliverCommand(0, 'well', false);
    while (world.services.calling.length > 0) world.finishCall(0, false);
    for (const who of [0, 1]) {
      while (world.operator(who).inbox.length > 0) world.deliverReply(who, 0, false);
    }
    mustBeSafe(world);
    if (quiet) passTime(world);
  }
  throw new Error('no end in sight');
}

const turnsMax = 150;

/** Lets one operator do what it can. False when it did something; an operator that is never done is in a hot loop. */
function settle(world: World, who: number): boolean {
  world.observe(who);
  for (let count = 0; count < 12; count += 1) {
    if (world.act(who) === null) return count === 0;
  }
  throw new Error('hot loop: always something to do, and nothing comes of it');
}

/** To the moment at which somebody wants to look again. A step that says no after the pivot needs a person first. */
function passTime(world: World): void {
  const stuck = world.stuckStep(0);
  if (stuck) world.wish({ abandon: { step: stuck, by: 'ada' } });
  const wakes = [0, 1].map((who) => world.wakeAtMillis(who)).filter((at) => at !== null);
  if (wakes.length > 0) world.nowMillis = Math.max(world.nowMillis, Math.min(...wakes));
}

/** How often each thing was seen: a fault that never bites proves nothing. */
function sightings() {
  const counts = new Map<string, number>();
  return {
    counts,
    note(world: World): void {
      const seen = new Set<string>([`outcome ${world.object.outcome ?? 'none'}`]);
      for (const { before, fact, after } of world.journal) {
        if (fact.kind === 'ReplyArrived')
          seen.add(`reply ${fact.outcome}${before === after ? ' ignored' : ''}`);
        // Rarely heard while it is still asked for: who reads why another operator turned round turns, too.
        if (fact.kind === 'ReplyArrived' && fact.outcome === 'Fenced')
          seen.add('reply Fenced, in time or not');
        if (after.phase === 'Revoking' && before.phase === 'Ended') seen.add('reopened');
        if (after.phase === 'Ended' && fact.kind === 'ObjectObserved') seen.add('outcome of another');
        if (before.failure && !after.failure) seen.add('failure cleared');
      }
      if (world.conflicts > 0) seen.add('conflict');
      for (const what of seen) counts.set(what, (counts.get(what) ?? 0) + 1);
    },
  };
}

const runs = { numRuns: 3_000 } as const;
const noRejection = fc.constant<number[]>([]);

describe('a saga under faults', { timeout: 120_000 }, () => {
  it('takes effect whole or not at all, and finds its end once the faults are over', () => {
    const seen = sightings();
    fc.assert(
      fc.property(setups(someRejections), schedules([...usual, ['wipe', 3]]), (setup, schedule) => {
        const world = play(setup, schedule);
        heal(world);
        seen.note(world);
      }),
      runs,
    );
    for (const what of everySighting) {
      expect(seen.counts.get(what) ?? 0, `${what}, of ${runs.numRuns} schedules`).toBeGreaterThan(5);
    }
  });

  it('says Abandoned, and nothing else, once a person gave up an acknowledgement', () => {
    fc.assert(
      fc.property(
        setups(someRejections),
        schedules([...usual, ['abandon', 10], ['breakService', 40], ['cancel', 5]]),
        (setup, schedule) => {
          const world = play(setup, schedule);
          heal(world);
          const given = world.object.checkpoint.abandoned.length > 0;
          const { outcome } = world.object;
          expect(outcome === 'Abandoned').toBe(outcome !== null && given);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('completes when nothing goes wrong but the bus', () => {
    const bus: Weights = [
      ['act', 12],
      ['deliver', 8],
      ['duplicate', 2],
      ['finishCall', 3],
      ['reply', 8],
      ['duplicateReply', 2],
      ['observe', 2],
    ];
    fc.assert(
      fc.property(setups(noRejection), schedules(bus), (setup, schedule) => {
        const world = play({ ...setup, deadlineSeconds: 3_600, skewMillis: 0 }, schedule);
        heal(world);
        expect(world.object.outcome).toBe('Completed');
      }),
      { numRuns: 500 },
    );
  });

  it('folds and decides the same whenever it is asked again', () => {
    fc.assert(
      fc.property(setups(someRejections), schedules(usual), (setup, schedule) => {
        const world = play(setup, schedule);
        for (const { before, fact, nowMillis, after } of world.journal) {
          expect(evolve(structuredClone(before), fact, nowMillis)).toStrictEqual(after);
          expect(decide(structuredClone(after), nowMillis)).toStrictEqual(decide(after, nowMillis));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('takes a fact that it has already taken as no news', () => {
    fc.assert(
      fc.property(setups(someRejections), schedules(usual), (setup, schedule) => {
        for (const { before, fact, nowMillis, after } of play(setup, schedule).journal) {
          if (fact.kind === 'CommandSent' || fact.kind === 'TimePassed') continue; // each of these is one more
          const asked = before.phase === 'Ended' ? null : before.call.direction;
          // An answer can come before its question, when the deadline turns the saga round in the same instant.
          if (fact.kind === 'ReplyArrived' && fact.direction !== asked) continue;
          expect(evolve(after, fact, nowMillis)).toStrictEqual(after);
        }
      }),
      { numRuns: 100 },
    );
  });
});

const everySighting = [
  'outcome Completed',
  'outcome Compensated',
  'outcome Abandoned',
  'reply Executed',
  'reply Executed ignored',
  'reply Rejected',
  'reply Failed',
  'reply Failed ignored',
  'reply Fenced, in time or not',
  'reply Compensated',
  'reply NothingToUndo',
  'reply Revoked',
  'reply PivotPassed',
  'reopened',
  'outcome of another',
  'failure cleared',
  'conflict',
];
