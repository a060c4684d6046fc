import type { EventPayload, EventType } from '@sagamesh/contracts/domain-events';
import type { Command } from '@sagamesh/contracts/messages';
import type { Tx } from './db.ts';

/**
 * What a service developer writes: one StepHandler per step. The kit does the rest (fence, replies, outbox, dead letters). Trouble is thrown
 * (RetryableError or anything else): the transaction rolls back, the reply is Failed, and the operator tries again.
 */

/** A domain event to write in the effect's transaction. `aggregateId` orders it: events of one aggregate are published in order. */
export type NewEvent = {
  readonly [T in EventType]: {
    readonly eventType: T;
    readonly aggregateId: string;
    readonly payload: EventPayload<T>;
  };
}[EventType];

export type StepResult = Readonly<Record<string, string>>;

/** A business "no". `reason` is for machines and outlives versions, `message` is for people. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly reason: string;
  readonly message: string;
}

export type ExecuteOutcome =
  | { readonly kind: 'executed'; readonly result?: StepResult; readonly events?: readonly NewEvent[] }
  | (Rejected & { readonly events?: readonly NewEvent[] });

export interface UndoOutcome {
  readonly result?: StepResult;
  readonly events?: readonly NewEvent[];
}

interface Actions {
  /** Subjects `saga.cmd.<service>.<execute>` and `saga.cmd.<service>.<compensate>`. */
  readonly execute: string;
  readonly compensate?: string;
}

/** A step whose whole effect is in the service's own database: one transaction with fence row, outbox and reply. */
export interface LocalStep extends Actions {
  readonly kind: 'local';
  apply(tx: Tx, command: Command): Promise<ExecuteOutcome>;
  /** Takes back what `apply` did; `executed` is what apply answered. Called at most once with effect per saga and step. */
  undo?(tx: Tx, command: Command, executed: StepResult): Promise<UndoOutcome>;
  /** COMPENSATE came to an empty place: for what exists although this step never ran (order: the unclaimed PENDING order). */
  undoNothing?(tx: Tx, command: Command): Promise<UndoOutcome>;
}

/**
 * A step whose effect is at an outside provider. Law: the provider's object is made without effect, its reference is committed as `pending`,
 * only then the effect is asked for, outside of any transaction; a second transaction records what came of it.
 */
export interface OutsideStep extends Actions {
  readonly kind: 'outside';
  /** Makes the provider's object without any effect (no money moves). Must answer the same reference when repeated for one saga and step. */
  intend(
    command: Command,
  ): Promise<{ readonly reference: string } | Extract<ExecuteOutcome, { kind: 'rejected' }>>;
  /**
   * Reads the provider's object first, continues from what it says. An object that was cancelled or refunded (an undo runs beside it) is
   * `rejected` or an error, never `executed`. After `rejected` the kit calls `settle` before it says so.
   */
  perform(command: Command, reference: string): Promise<ExecuteOutcome>;
  /** Reads the provider's object first; afterwards nothing is in effect and nothing can come into effect. Also of a declined one; repeatable. */
  settle(command: Command, reference: string): Promise<UndoOutcome>;
  /** Ledger entries, in the transaction that moves the row. */
  recordExecuted(tx: Tx, command: Command, reference: string, outcome: ExecuteOutcome): Promise<void>;
  /** May run although `recordExecuted` never did (dead between call and commit): then it records what was captured, too. */
  recordUndone(tx: Tx, command: Command, reference: string, outcome: UndoOutcome): Promise<void>;
}

export type StepHandler = LocalStep | OutsideStep;
