import { correlationIdAnnotation } from '@sagamesh/contracts/order-saga';
import type { OrderSagaSpec, OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import { headerNames } from '@sagamesh/contracts/subjects';
import { contextFromHeaders } from '@sagamesh/runtime/trace-context';
import { evolve } from '../saga/evolve.ts';
import type { Plan } from '../saga/plan.ts';
import { restore } from '../saga/restore.ts';
import type { Fact, SagaState } from '../saga/state.ts';
import { checkpointOf, recordedIn, wishesOf } from './checkpoint.ts';
import type { SagaObject } from './saga-object.ts';
import { storyAtFirstLook, storyBetween } from './story.ts';
import type { StoryLine } from './story.ts';

/** What this process holds of the open sagas. Losing all of it costs re-sends, never truth. */

export type ReplyFact = Extract<Fact, { kind: 'ReplyArrived' }>;

/** One open saga. The work queue lets one worker at a time touch it; replies may be put in at any moment. */
export class SagaEntry {
  readonly key: string;
  readonly uid: string;
  readonly context: { readonly correlationId: string; readonly traceparent: string };
  state: SagaState;
  lastStatusWriteMillis = 0;
  #sends = 0;
  #replies: ReplyFact[] = [];
  #untold: readonly StoryLine[];

  /** `untold`: what belongs into Events already at the first look; told with the first fact. */
  constructor(key: string, object: SagaObject, state: SagaState, untold: readonly StoryLine[]) {
    this.key = key;
    this.uid = object.metadata.uid;
    const given = object.metadata.annotations?.[correlationIdAnnotation];
    // Anybody may write the annotation: what is no header value would keep every command from being sent.
    this.context = contextFromHeaders(
      { get: (name) => (name === headerNames.correlationId ? given : undefined) },
      object.metadata.uid,
    );
    this.state = state;
    this.#untold = untold;
  }

  put(reply: ReplyFact): void {
    this.#replies.push(reply);
  }

  /** Folds one fact and tells what of it belongs into Events. */
  fold(fact: Fact, nowMillis: number): StoryLine[] {
    const before = this.state;
    this.state = evolve(before, fact, nowMillis);
    const lines = [...this.#untold, ...storyBetween(before, this.state)];
    this.#untold = [];
    return lines;
  }

  takeReplies(): ReplyFact[] {
    const taken = this.#replies;
    this.#replies = [];
    return taken;
  }

  nextSendNumber(): number {
    this.#sends += 1;
    return this.#sends;
  }
}

export class SagaMemory {
  readonly #byKey = new Map<string, SagaEntry>();
  readonly #byUid = new Map<string, SagaEntry>();

  /** The entry of exactly this object; one of an earlier incarnation under the same name is forgotten. */
  open(
    key: string,
    object: SagaObject,
    content: { readonly spec: OrderSagaSpec; readonly status: OrderSagaStatus },
    plan: Plan,
    nowMillis: number,
  ): SagaEntry {
    const known = this.#byKey.get(key);
    if (known?.uid === object.metadata.uid) return known;
    this.forget(key);
    const wishes = wishesOf(object, content.spec);
    const recorded = recordedIn(object, content.status);
    const state = restore(plan, wishes, recorded, checkpointOf(content.status), nowMillis);
    const entry = new SagaEntry(key, object, state, storyAtFirstLook(content.status, state));
    this.#byKey.set(key, entry);
    this.#byUid.set(entry.uid, entry);
    return entry;
  }

  forget(key: string): void {
    const entry = this.#byKey.get(key);
    if (!entry) return;
    this.#byKey.delete(key);
    this.#byUid.delete(entry.uid);
  }

  /** The key to wake, or undefined when no open saga of ours has this uid. */
  deliver(sagaUid: string, reply: ReplyFact): string | undefined {
    const entry = this.#byUid.get(sagaUid);
    entry?.put(reply);
    return entry?.key;
  }

  /** For logs, as long as the saga is open here. */
  correlationIdOf(key: string): string | undefined {
    return this.#byKey.get(key)?.context.correlationId;
  }

  get size(): number {
    return this.#byKey.size;
  }
}
