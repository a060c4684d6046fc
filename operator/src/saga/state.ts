import type { Direction, ReplyOutcome } from '@sagamesh/contracts/messages';
import type { Failure, Outcome, StepState } from '@sagamesh/contracts/order-saga';
import type { Plan } from './plan.ts';

/** What the operator believes of one saga: a fold of facts. A cache, never the truth (docs/architecture.md, law 4). All times in epoch milliseconds. */

/** The one acknowledgement that is open. Sagas are sequential: there is never a second one. */
export interface Call {
  readonly direction: Direction;
  readonly stepIndex: number;
  /** Sends so far in this process; 0 = not yet sent. */
  readonly attempt: number;
  /** The id of the last send: only its Failed counts, while a fence's word counts whoever asked. */
  readonly commandId: string | null;
  readonly wait:
    | { readonly kind: 'ready' }
    | { readonly kind: 'reply'; readonly untilMillis: number }
    | { readonly kind: 'backoff'; readonly untilMillis: number };
  /** What the last attempt ran into. */
  readonly trouble: { readonly reason: string; readonly message: string } | null;
  /** A step after the pivot said no: a fact that no retry can be expected to change. */
  readonly refused: boolean;
}

export interface StepRecord {
  readonly state: StepState;
  /** Sends, all processes together, as far as the checkpoint tells. */
  readonly attempts: number;
  /** Law 3: compensate what may have happened, not what is known to have happened. */
  readonly mayHaveBeenSent: boolean;
  readonly startedAtMillis: number | null;
  readonly finishedAtMillis: number | null;
  readonly reason: string;
  readonly message: string;
}

/** What people want of the saga, read from the object each time. */
export interface Wishes {
  readonly suspend: boolean;
  readonly cancel: boolean;
  readonly deleting: boolean;
  readonly deadlineSeconds: number;
  readonly ttlSecondsAfterFinished: number;
  /** Step named by the abandon-step annotation, and who put it there. */
  readonly abandon: { readonly step: string; readonly by: string } | null;
}

/** What the stored object is known to hold already: the gates that the laws put before effects. */
export interface Recorded {
  readonly finalizer: boolean;
  readonly failure: Failure | null;
  readonly abandoned: readonly Abandonment[];
  readonly outcome: Outcome | null;
}

export interface Abandonment {
  readonly step: string;
  readonly direction: Direction;
  readonly by: string;
  readonly atMillis: number;
}

interface Common {
  readonly plan: Plan;
  readonly wishes: Wishes;
  readonly recorded: Recorded;
  readonly steps: readonly StepRecord[];
  readonly results: Readonly<Record<string, string>>;
  readonly startedAtMillis: number;
  readonly failure: Failure | null;
  readonly pivotPassed: boolean;
  readonly abandoned: readonly Abandonment[];
  /** Subjects of the plan that nobody reads, as of a moment; null = not looked up. Asked for only before the first command. */
  readonly lookUp: { readonly missing: readonly string[]; readonly atMillis: number } | null;
}

export interface OpenSaga extends Common {
  /** Forward: doing steps in order. Revoking: asking the pivot's service for the abort. Undoing: compensating in reverse order. */
  readonly phase: 'Forward' | 'Revoking' | 'Undoing';
  readonly call: Call;
}

export interface EndedSaga extends Common {
  readonly phase: 'Ended';
  readonly outcome: Outcome;
  readonly finishedAtMillis: number;
}

export type SagaState = OpenSaga | EndedSaga;

export type Fact =
  | { readonly kind: 'ObjectObserved'; readonly wishes: Wishes; readonly recorded: Recorded }
  | { readonly kind: 'ServicesLookedUp'; readonly missing: readonly string[] }
  | {
      readonly kind: 'CommandSent';
      readonly stepIndex: number;
      readonly direction: Direction;
      readonly commandId: string;
    }
  | {
      readonly kind: 'ReplyArrived';
      readonly step: string;
      readonly direction: Direction;
      readonly outcome: ReplyOutcome;
      readonly commandId: string;
      readonly result: Readonly<Record<string, string>>;
      readonly reason: string;
      readonly message: string;
    }
  /** The broker was away or we were: whatever was asked may be lost, so ask again now. */
  | { readonly kind: 'ConnectionRestored' }
  | { readonly kind: 'TimePassed' };

/** What an earlier look at this saga left in the object's status, times already parsed. Empty when it was never written, or wiped. */
export interface Checkpoint {
  readonly steps: readonly (Omit<StepRecord, 'mayHaveBeenSent'> & { readonly name: string })[];
  readonly results: Readonly<Record<string, string>>;
  readonly failure: Failure | null;
  readonly abandoned: readonly Abandonment[];
  readonly startedAtMillis: number | null;
  readonly finishedAtMillis: number | null;
}
