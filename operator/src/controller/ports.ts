import type { Direction } from '@sagamesh/contracts/messages';
import type { Outcome } from '@sagamesh/contracts/order-saga';
import type { Plan } from '../saga/plan.ts';
import type { SagaEntry } from './saga-memory.ts';
import type { SagaObject } from './saga-object.ts';
import type { StoryLine } from './story.ts';

/** What the reconcile loop needs of the world. Every write answers with the object as it is stored afterwards. */

export interface SagaStore {
  get(key: string): SagaObject | undefined;
  /** Reads from the API server itself: after a conflict. Resolves when the cache is at least that new, or the object is known to be gone. */
  refresh(key: string): Promise<void>;
  /** All writes carry uid and resourceVersion; they reject with a conflict when the object moved, and nothing was written then. */
  patchFinalizers(object: SagaObject, finalizers: readonly string[]): Promise<void>;
  patchStatus(object: SagaObject, patch: Readonly<Record<string, unknown>>): Promise<void>;
  delete(object: SagaObject): Promise<void>;
}

export interface CommandSender {
  /** `uid/step/direction/<process nonce>/<send number>`: never the same twice, or the broker's dedupe window would swallow a re-send. */
  commandId(entry: SagaEntry, step: string, direction: Direction): string;
  /** Resolves when the broker has stored it. */
  send(entry: SagaEntry, object: SagaObject, sending: Sending): Promise<void>;
}

export interface Sending {
  readonly commandId: string;
  readonly stepIndex: number;
  readonly direction: Direction;
  readonly attempt: number;
  readonly nowMillis: number;
}

export interface ServiceDirectory {
  /** Subjects of the plan that no durable consumer reads. */
  missing(plan: Plan): Promise<readonly string[]>;
}

export interface Narrator {
  tell(object: SagaObject, lines: readonly StoryLine[]): void;
}

export interface SagaMetrics {
  statusWritten(cause: string): void;
  commandSent(direction: Direction): void;
  sagaEnded(outcome: Outcome, durationMillis: number): void;
  replyReceived(kind: 'open' | 'unknown' | 'unreadable'): void;
}
