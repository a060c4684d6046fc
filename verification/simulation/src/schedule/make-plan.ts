import { effectKinds, momentFaults, windowFaults } from '../kernel/fault.ts';
import type { EffectKind, Fault, FaultKind, MomentFaultKind, WindowFaultKind } from '../kernel/fault.ts';
import { SeededRandom } from '../kernel/random.ts';
import { sagaKinds, userActionKinds } from './run-plan.ts';
import type { RunPlan, SagaPlan, UserAction } from './run-plan.ts';

/**
 * A run from a seed. Each run draws its own few kinds of faults ("swarm testing", Groce et al. 2012): with all of them at once every run would
 * look like every other, and combinations that need the absence of something would never come up.
 */

export const sagasPerRun = 24;
const faultPhaseMillis = { min: 20_000, max: 60_000 };
const roles = ['operator', 'order', 'inventory', 'payment', 'notification'] as const;
type Role = (typeof roles)[number];

/** What a process of each role does outside of its memory, so what it can die at. */
export const effectsOf: Readonly<Record<Role, readonly EffectKind[]>> = {
  operator: ['publish', 'apiWrite', 'apiRead', 'ack'],
  order: ['commit', 'publish', 'ack'],
  inventory: ['commit', 'publish', 'ack'],
  payment: ['commit', 'publish', 'ack', 'providerCall'],
  notification: ['mail', 'ack'],
};

const streams = ['SAGA_COMMANDS', 'SAGA_REPLIES', 'DOMAIN_EVENTS'] as const;

/** Every pair (role, effect, side) at which a process can die. */
export const crashBoundaries: readonly string[] = roles.flatMap((role) =>
  effectKinds
    .filter((effect) => effectsOf[role].includes(effect))
    .flatMap((effect) => (['before', 'after'] as const).map((side) => `dies ${side} ${effect} (${role})`)),
);

export function makePlan(seed: number): RunPlan {
  const random = new SeededRandom(`plan/${seed}`);
  const aim = new SeededRandom(`aim/${seed}`);
  const isReplacing = aim.chance(0.2);
  const healAtMillis = random.int(faultPhaseMillis.min, faultPhaseMillis.max);
  const replicas = random.chance(0.3) ? 2 : 1;
  const drawn = Array.from({ length: sagasPerRun }, (_, index) => makeSaga(random, index, healAtMillis));
  const sagas = drawn.map((saga) => besideItsTwin(new SeededRandom(`twin/${seed}/${saga.id}`), saga, drawn));
  return {
    seed,
    replicas,
    leaseLies: random.chance(0.2),
    healAtMillis,
    sagas,
    users: [
      ...aimed(aim, sagas, makeUserActions(random, healAtMillis)),
      ...(isReplacing ? replacements(aim, sagas) : []),
    ],
    faults: [
      ...(isReplacing ? lateMessages(healAtMillis) : []),
      ...makeFaults(random, healAtMillis, replicas),
    ],
  };
}

function makeSaga(random: SeededRandom, index: number, healAtMillis: number): SagaPlan {
  const origin = random.chance(0.35) ? 'http' : index > 0 && random.chance(0.06) ? 'twin' : 'kubectl';
  const kind = random.chance(0.5) ? 'happy' : random.pick(sagaKinds);
  return {
    id: index,
    atMillis: random.int(0, healAtMillis * 0.8),
    kind,
    origin,
    ...(origin === 'twin' ? { twinOf: random.int(0, index - 1) } : {}),
    deadlineSeconds: random.chance(0.3) ? random.int(2, 20) : random.int(60, 200),
    timeoutSeconds: random.int(1, 5),
    maxAttempts: random.int(1, 6),
  };
}

/** Half of the twins come while the first saga of their order lives. */
function besideItsTwin(random: SeededRandom, saga: SagaPlan, sagas: readonly SagaPlan[]): SagaPlan {
  const first = sagas.find(({ id }) => id === saga.twinOf);
  return first === undefined || random.chance(0.5)
    ? saga
    : { ...saga, atMillis: shortlyAfter(random, first) };
}

function makeUserActions(random: SeededRandom, healAtMillis: number): readonly UserAction[] {
  const count = random.int(0, 12);
  return Array.from({ length: count }, () => ({
    atMillis: random.int(0, healAtMillis),
    kind: random.pick(userActionKinds),
    saga: random.int(0, sagasPerRun - 1),
  }));
}

/** From a saga's beginning to an action that is aimed at it: each order of magnitude as often as any other. */
const aimMillis = { min: 3, max: 10_000 };

function shortlyAfter(random: SeededRandom, { atMillis }: SagaPlan): number {
  return atMillis + Math.round(aimMillis.min * (aimMillis.max / aimMillis.min) ** random.next());
}

/** A saga lives for a moment of the run, so half of the actions are aimed at its life: else most would come before it or after it. */
function aimed(
  random: SeededRandom,
  sagas: readonly SagaPlan[],
  actions: readonly UserAction[],
): readonly UserAction[] {
  return actions.map((action) => {
    const target = sagas[action.saga];
    return target === undefined || random.chance(0.5)
      ? action
      : { ...action, atMillis: shortlyAfter(random, target) };
  });
}

/** In runs that replace objects: what was meant for the old one meets the new one of its name. */
function lateMessages(healAtMillis: number): readonly Fault[] {
  return (['bus.duplicate', 'bus.delay'] as const).map((kind) => ({
    kind,
    atMillis: 0,
    forMillis: healAtMillis,
    probability: 0.3,
  }));
}

/** Every object that was applied is replaced, at some moment of its life or after it. */
function replacements(random: SeededRandom, sagas: readonly SagaPlan[]): readonly UserAction[] {
  return sagas
    .filter(({ origin }) => origin === 'kubectl')
    .flatMap((saga) =>
      Array.from({ length: random.int(1, 3) }, (): UserAction => ({
        atMillis: shortlyAfter(random, saga),
        kind: 'recreate',
        saga: saga.id,
      })),
    );
}

function makeFaults(random: SeededRandom, healAtMillis: number, replicas: number): readonly Fault[] {
  const kinds: readonly FaultKind[] = [...windowFaults, ...momentFaults];
  const swarm = Array.from({ length: random.int(2, 9) }, () => random.pick(kinds));
  const hosts = hostNames(replicas);
  return [
    ...swarm.flatMap((kind) =>
      isWindow(kind) ? makeWindow(random, kind, healAtMillis) : makeMoments(random, kind, healAtMillis),
    ),
    ...makeProcessFaults(random, healAtMillis, hosts),
  ].toSorted((a, b) => a.atMillis - b.atMillis);
}

export interface HostName {
  readonly name: string;
  readonly role: Role;
}

export function hostNames(replicas: number): readonly HostName[] {
  return roles.flatMap((role) =>
    Array.from({ length: role === 'operator' ? 2 : replicas }, (_, index) => ({
      name: `${role}-${index + 1}`,
      role,
    })),
  );
}

function isWindow(kind: FaultKind): kind is WindowFaultKind {
  return windowFaults.some((each) => each === kind);
}

/** What makes everything stand still is short; what only disturbs may last. */
function makeWindow(random: SeededRandom, kind: WindowFaultKind, healAtMillis: number): readonly Fault[] {
  if (kind === 'api.staleList') return makeStaleLists(random, healAtMillis);
  const isAway = kind.endsWith('.away');
  return [
    {
      kind,
      atMillis: random.int(0, healAtMillis * 0.8),
      forMillis: isAway ? random.int(500, 20_000) : random.int(1_000, healAtMillis),
      probability: isAway ? 1 : random.pick([0.02, 0.1, 0.3, 0.7]),
    },
  ];
}

/** Only a list that follows a forgotten history may answer from an older moment: the first list after a start is a consistent read. */
function makeStaleLists(random: SeededRandom, healAtMillis: number): readonly Fault[] {
  const atMillis = random.int(1_000, healAtMillis * 0.8);
  return [
    { kind: 'api.staleList', atMillis, forMillis: 5_000, probability: 0.7 },
    { kind: 'api.compact', atMillis: atMillis + 500 },
    { kind: 'api.cutWatches', atMillis: atMillis + 501 + random.int(0, 200) },
  ];
}

function makeMoments(random: SeededRandom, kind: FaultKind, healAtMillis: number): readonly Fault[] {
  const moment = momentFaults.find((each): each is MomentFaultKind => each === kind);
  if (moment === undefined) return [];
  const aimsAtStream = moment === 'bus.loseSuffix' || moment === 'bus.deleteStream';
  return Array.from({ length: random.int(1, 3) }, () => ({
    kind: moment,
    atMillis: random.int(1_000, healAtMillis),
    ...(aimsAtStream ? { target: random.pick(streams) } : {}),
  }));
}

function makeProcessFaults(
  random: SeededRandom,
  healAtMillis: number,
  hosts: readonly HostName[],
): readonly Fault[] {
  return Array.from({ length: random.int(0, 8) }, (): Fault => {
    const { name: host, role } = random.pick(hosts);
    const atMillis = random.int(0, healAtMillis);
    const downMillis = random.int(100, 5_000);
    const draw = random.next();
    if (draw < 0.6) {
      const effect = random.pick(effectsOf[role]);
      const side = random.pick(['before', 'after'] as const);
      return { kind: 'process.crashAt', atMillis, host, downMillis, effect, side, skip: random.int(0, 4) };
    }
    if (draw < 0.75) return { kind: 'process.crash', atMillis, host, downMillis };
    if (draw < 0.92) return { kind: 'process.pause', atMillis, host, forMillis: random.int(500, 40_000) };
    return { kind: 'process.skew', atMillis, host, byMillis: random.int(-3_600_000, 3_600_000) };
  });
}
