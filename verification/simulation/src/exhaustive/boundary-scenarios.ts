import type { Fault } from '../kernel/fault.ts';
import type { SagaKind, SagaPlan, UserActionKind } from '../schedule/run-plan.ts';

/**
 * Every effect boundary of small quiet worlds, with no randomness: each scenario runs once undisturbed, and then once for each boundary that it
 * passed, with the process dead there. This file: the scenarios. Together they say no, and time out, and are called off, at every step.
 */

/** A moment of the undisturbed course: when the n-th command or reply (from 1) was stored, or when the saga was made. */
export type Moment = { readonly at: 'start' } | { readonly at: 'command' | 'reply'; readonly count: number };

export interface Scenario {
  /** As `make sim-exhaustive ONLY=` takes it. */
  readonly name: string;
  readonly sagas: readonly SagaPlan[];
  readonly users: readonly {
    readonly kind: UserActionKind;
    readonly moment: Moment;
    readonly afterMillis?: number;
  }[];
  /** Their `atMillis` counts from the moment. */
  readonly faults: readonly { readonly fault: Fault; readonly moment: Moment }[];
  /** From the first action on; then nobody is paused or deaf any more, and people put right what waits for them. */
  readonly healAfterMillis: number;
  /** How it ends undisturbed: the outcomes of its sagas in the order in which they were made. `gone`: deleted before it began. */
  readonly quiet: string;
  /** How it may end when a process dies. */
  readonly allowed: readonly string[];
  /** After every death, the next boundary of every other process is a second one. Otherwise only after an operator's, and one service's. */
  readonly allPairs?: boolean;
}

/** Longer than any downtime: whoever waits so long finds everybody back. */
const patient = { deadlineSeconds: 300, timeoutSeconds: 4, maxAttempts: 25 };
/** Gives up long before the disturbance is over. */
const hasty = { deadlineSeconds: 300, timeoutSeconds: 1, maxAttempts: 2 };
const disturbanceMillis = 6_000;
const healedMillis = 10_000;

const steps = [
  { step: 'create', service: 'order' },
  { step: 'reserve', service: 'inventory' },
  { step: 'charge', service: 'payment' },
  { step: 'confirm', service: 'order' },
  { step: 'settle', service: 'inventory' },
] as const;
const pivotCommand = 4;
/** The first of two sagas was deleted before anything of it took effect, because somebody died: it never used the order's id. */
const orderIdStillFree = ['gone, Completed', 'Compensated, Completed'];

export const boundaryScenarios: readonly Scenario[] = [
  { ...scenario('happy', [saga('happy')], ['Completed']), allPairs: true },
  scenario('http', [{ ...saga('happy'), origin: 'http' }], ['Completed']),
  scenario('http-declined', [{ ...saga('cardDeclined'), origin: 'http' }], ['Compensated']),
  scenario('no-create', [saga('wrongPrice')], ['Compensated']),
  scenario('no-reserve', [saga('outOfStock')], ['Compensated']),
  { ...scenario('no-charge', [saga('cardDeclined')], ['Compensated']), allPairs: true },
  scenario('no-confirm', [saga('confirmRefused')], ['Compensated']),
  scenario('no-settle', [saga('settleRefused')], ['Abandoned']),
  scenario('unknown-card', [saga('unknownCard')], ['Compensated']),
  scenario('flaky-card', [saga('flakyCard')], ['Completed']),
  scenario('slow-card', [saga('slowCard')], ['Completed']),
  scenario('silent-card', [saga('silentCard')], ['Completed']),
  scenario('slow-card-hasty', [{ ...saga('slowCard'), ...hasty }], ['Compensated', 'Completed']),
  scenario('silent-card-hasty', [{ ...saga('silentCard'), ...hasty }], ['Compensated', 'Completed']),
  ...steps.flatMap((_, index) => [paused(index), unheard(index), inTrouble(index)]),
  ...(['cancel', 'delete'] as const).flatMap(calledOff),
  scenario('deadline-in-charge', [{ ...saga('slowCard'), deadlineSeconds: 2 }], ['Compensated', 'Completed']),
  {
    ...paused(0),
    name: 'deadline-in-create',
    sagas: [{ ...saga('happy'), deadlineSeconds: 3 }],
  },
  {
    ...paused(3),
    name: 'deadline-in-confirm',
    sagas: [{ ...saga('happy'), deadlineSeconds: 3 }],
  },
  {
    ...scenario('suspend', [saga('happy')], ['Completed']),
    users: [
      { kind: 'suspend', moment: { at: 'reply', count: 2 } },
      { kind: 'resume', moment: { at: 'reply', count: 2 }, afterMillis: 3_000 },
    ],
    healAfterMillis: healedMillis,
  },
  {
    ...scenario('wiped-status', [saga('happy')], ['Completed']),
    users: [{ kind: 'wipeStatus', moment: { at: 'reply', count: 3 } }],
  },
  {
    ...scenario(
      're-created-before-pivot',
      [saga('happy')],
      ['Compensated, Compensated', ...orderIdStillFree],
    ),
    users: [{ kind: 'recreate', moment: { at: 'command', count: 3 } }],
  },
  {
    ...scenario(
      're-created-after-end',
      [saga('happy')],
      ['Completed, Compensated', 'Compensated, Compensated', ...orderIdStillFree],
    ),
    users: [{ kind: 'recreate', moment: { at: 'reply', count: 5 }, afterMillis: 1_000 }],
  },
  scenario(
    'twin',
    [saga('happy'), { ...saga('happy'), id: 1, origin: 'twin', twinOf: 0 }],
    ['Completed, Compensated', 'Compensated, Completed'],
  ),
];

export function scenarioNamed(name: string): Scenario {
  const found = boundaryScenarios.find((each) => each.name === name);
  if (found === undefined) throw new RangeError(`no scenario is called ${name}`);
  return found;
}

function saga(kind: SagaKind): SagaPlan {
  return { id: 0, atMillis: 0, kind, origin: 'kubectl', ...patient };
}

/** `allowed`: the first is how it ends undisturbed. */
function scenario(
  name: string,
  sagas: readonly SagaPlan[],
  allowed: readonly [string, ...string[]],
): Scenario {
  return { name, sagas, users: [], faults: [], healAfterMillis: 0, quiet: allowed[0], allowed };
}

/** Who has to carry the step out stands still: nobody knows whether the command arrived, and it is carried out later. */
function paused(index: number): Scenario {
  const { step, service } = stepAt(index);
  const fault: Fault = {
    kind: 'process.pause',
    atMillis: 0,
    host: `${service}-1`,
    forMillis: disturbanceMillis,
  };
  return disturbed(`paused-${step}`, index, fault);
}

/** The step is carried out, and no reply comes through. */
function unheard(index: number): Scenario {
  const { step, service } = stepAt(index);
  const fault: Fault = {
    kind: 'bus.publishLost',
    atMillis: 0,
    forMillis: disturbanceMillis,
    probability: 1,
    target: `${service}-1`,
  };
  return disturbed(`unheard-${step}`, index, fault);
}

/** The database is away: the service answers that it failed. */
function inTrouble(index: number): Scenario {
  const { step, service } = stepAt(index);
  const fault: Fault = {
    kind: 'db.away',
    atMillis: 0,
    forMillis: disturbanceMillis,
    probability: 1,
    target: service,
  };
  return disturbed(`trouble-${step}`, index, fault);
}

/** A pivot that may have happened decides for itself; a step behind it is only repeated. */
function disturbed(name: string, index: number, fault: Fault): Scenario {
  const isBehindPivot = index >= pivotCommand;
  const isPivotDone = index === pivotCommand - 1 && fault.kind !== 'db.away';
  const quiet = isBehindPivot || isPivotDone ? 'Completed' : 'Compensated';
  return {
    ...scenario(name, [{ ...saga('happy'), ...hasty }], [quiet]),
    faults: [{ fault, moment: { at: 'command', count: index + 1 } }],
    healAfterMillis: healedMillis,
    // The budget is small and the downtime long: a step behind the pivot may be shown as stuck, and a person gives it up.
    allowed: ['Completed', 'Compensated', 'Abandoned'],
  };
}

/** Cancelled or deleted at each stage: with the n-th command on its way, and with its reply on its way. */
function calledOff(kind: 'cancel' | 'delete'): readonly Scenario[] {
  const stages = steps.flatMap((_, index) =>
    (['command', 'reply'] as const).map((at) => ({ at, count: index + 1 })),
  );
  return [
    {
      ...scenario(
        `${kind}-at-start`,
        [saga('happy')],
        [kind === 'delete' ? 'gone' : 'Compensated', ...(kind === 'delete' ? ['Compensated'] : [])],
      ),
      users: [{ kind, moment: { at: 'start' }, afterMillis: 6 }],
    },
    ...stages.map((moment) => calledOffAt(kind, moment)),
  ];
}

function calledOffAt(kind: 'cancel' | 'delete', moment: Moment & { readonly count: number }): Scenario {
  const { at, count } = moment;
  const isBeforePivot = count < pivotCommand - 1 || (count === pivotCommand - 1 && at === 'command');
  // Deleted before the finalizer is on it (its operator died first), it never begins.
  const early = kind === 'delete' ? ['Compensated', 'gone'] : ['Compensated'];
  return {
    ...scenario(`${kind}-at-${at}-${count}`, [saga('happy')], [isBeforePivot ? 'Compensated' : 'Completed']),
    users: [{ kind, moment }],
    allowed: isBeforePivot ? early : ['Completed', ...early],
  };
}

function stepAt(index: number): (typeof steps)[number] {
  const found = steps[index];
  if (found === undefined) throw new RangeError(`there is no step ${index}`);
  return found;
}
