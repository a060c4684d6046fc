import type { Direction, ReplyOutcome } from '@sagamesh/contracts/messages';
import type { Outcome } from '@sagamesh/contracts/order-saga';
import type { Plan } from '@sagamesh/operator/saga/plan';
import type { Recorded, Wishes } from '@sagamesh/operator/saga/state';
import { noWishes } from '@sagamesh/operator/saga/testing/plans';

/** The messages of one plan, numbered; each number is one bit in the set of what was sent, or answered. */

export interface Message {
  readonly direction: Direction;
  readonly stepIndex: number;
}

export interface Answer {
  readonly message: number;
  readonly outcome: ReplyOutcome;
}

const outcomesOf: Readonly<Record<Direction, readonly ReplyOutcome[]>> = {
  execute: ['Executed', 'Rejected', 'Fenced'],
  compensate: ['Compensated', 'NothingToUndo'],
  revoke: ['Revoked', 'PivotPassed'],
};

export class Alphabet {
  readonly plan: Plan;
  readonly messages: readonly Message[];
  readonly answers: readonly Answer[];

  constructor(plan: Plan) {
    this.plan = plan;
    this.messages = [
      ...plan.steps.map((_, stepIndex) => ({ direction: 'execute', stepIndex }) as const),
      ...plan.steps
        .slice(0, plan.pivotIndex)
        .map((_, stepIndex) => ({ direction: 'compensate', stepIndex }) as const),
      { direction: 'revoke', stepIndex: plan.pivotIndex },
    ];
    this.answers = this.messages.flatMap(({ direction }, message) =>
      outcomesOf[direction].map((outcome) => ({ message, outcome })),
    );
  }

  message(direction: Direction, stepIndex: number): number {
    const found = this.messages.findIndex(
      (message) => message.direction === direction && message.stepIndex === stepIndex,
    );
    if (found < 0) throw new RangeError(`no message ${direction} ${stepIndex}`);
    return found;
  }

  /** The bit of an answer in the set of answers. */
  answerBit(message: number, outcome: ReplyOutcome): number {
    const found = this.answers.findIndex(
      (answer) => answer.message === message && answer.outcome === outcome,
    );
    if (found < 0) throw new RangeError(`${outcome} is no answer to ${this.nameOf(message)}`);
    return 1 << found;
  }

  nameOf(message: number): string {
    const found = this.messages[message];
    return found ? `${found.direction} ${this.plan.steps[found.stepIndex]?.name}` : 'nothing';
  }
}

/** What the stored object says to whoever looks: wishes and what is recorded, one bit each, the abandoned step and the outcome in a few. */
export const seen = {
  suspend: 1,
  cancel: 2,
  deleting: 4,
  finalizer: 8,
  failure: 16,
  abandonShift: 5,
  abandonMask: 7 << 5,
  outcomeShift: 8,
  outcomeMask: 3 << 8,
  /** All of the above. */
  mask: (1 << 10) - 1,
} as const;

export const outcomes: readonly (Outcome | null)[] = [null, 'Completed', 'Compensated', 'Abandoned'];

export function outcomeIn(view: number): Outcome | null {
  return outcomes[(view & seen.outcomeMask) >> seen.outcomeShift] ?? null;
}

/** Longer than any pause or timeout of the plans here. */
export const deadlineSeconds = 604_800;

export function wishesIn(view: number, plan: Plan): Wishes {
  const abandon = (view & seen.abandonMask) >> seen.abandonShift;
  const step = plan.steps[abandon - 1]?.name;
  return {
    ...noWishes,
    deadlineSeconds,
    suspend: (view & seen.suspend) !== 0,
    cancel: (view & seen.cancel) !== 0,
    deleting: (view & seen.deleting) !== 0,
    abandon: step === undefined ? null : { step, by: 'ada' },
  };
}

/** Why a saga turned round decides nothing. */
export const someFailure = { step: 'some', reason: 'Trouble', message: '' } as const;

/** Without what is abandoned: that is in no bit. */
export function recordedIn(view: number): Recorded {
  return {
    finalizer: (view & seen.finalizer) !== 0,
    failure: view & seen.failure ? someFailure : null,
    abandoned: [],
    outcome: outcomeIn(view),
  };
}
