import { checkpointOf } from '@sagamesh/operator/controller/checkpoint';
import { projectStatus } from '@sagamesh/operator/controller/status-projection';
import type { Outcome } from '@sagamesh/contracts/order-saga';
import type { Action } from '@sagamesh/operator/saga/decide';
import type { Checkpoint, Fact, SagaState } from '@sagamesh/operator/saga/state';
import { emptyCheckpoint } from '@sagamesh/operator/saga/testing/plans';
import { deadlineSeconds, recordedIn, seen, wishesIn } from './state-space-alphabet.ts';
import type { Alphabet } from './state-space-alphabet.ts';
import { canonicalCheckpoint, canonicalState, keyOf, nowMillis } from './state-space-canonical.ts';
import type { Precision } from './state-space-canonical.ts';
import type { Parts } from './state-space-parts.ts';

/**
 * The real core as a table: each canonical `SagaState` is a number, and what a fact makes of it is asked once. That is right because the core
 * is pure.
 */

/** No memory of the saga: it saw that the object is gone. */
export const forgotten = 0;

/** Numbers of facts, for the memo; an answer adds its number, an observation what it sees. */
export const facts = {
  timedOut: 0,
  deadlinePassed: 1,
  reconnected: 2,
  sent: 3,
  failed: 4,
  answer: 64,
  observed: 1024,
} as const;

const factsMax = 65_536;

/** What of a fact that observes says which acknowledgements the object's status calls abandoned. */
const abandonedShift = 10;

/** Of what is seen in the object, enough for each bit to have been there and not. */
const views = [0, 1, 2, 4, 8, 12, 24, 25, 28, 24 + 32, 28 + 64, 24 + 96];

export interface Said {
  readonly outcome: Outcome | null;
  /** Ended, although it never saw a finalizer held: then nothing can have been sent by anybody it knows of. */
  readonly withoutCommand: boolean;
  /** 0: nothing was given up; 1: an acknowledgement; 2: that of the revoke. */
  readonly givenUp: 0 | 1 | 2;
}

export class CoreTable {
  readonly #alphabet: Alphabet;
  readonly #parts: Parts;
  readonly #precision: Precision;
  /** Compares each canonical state with the one it stands for, one step ahead. */
  readonly #verifies: boolean;
  readonly #verified = new Set<string>();
  readonly #states: (SagaState | null)[] = [null];
  readonly #ids = new Map<string, number>();
  readonly #next = new Map<number, number>();
  readonly #restored = new Map<number, number>();
  readonly #actions = new Map<number, Action | null>();
  readonly #abandoned: Checkpoint['abandoned'][] = [[]];
  readonly #abandonedIds = new Map<string, number>([['', 0]]);
  readonly #checkpoints: Checkpoint[] = [emptyCheckpoint];
  readonly #checkpointIds = new Map<string, number>([[JSON.stringify(emptyCheckpoint), 0]]);
  readonly #checkpointOf = new Map<number, number>();

  constructor(alphabet: Alphabet, parts: Parts, precision: Precision, verifies: boolean) {
    this.#alphabet = alphabet;
    this.#parts = parts;
    this.#precision = precision;
    this.#verifies = verifies;
  }

  get size(): number {
    return this.#states.length;
  }

  state(id: number): SagaState {
    const state = this.#states[id];
    if (!state) throw new RangeError(`no core state ${id}`);
    return state;
  }

  /** What a process believes that starts now, from the object as it is stored. */
  restore(view: number, checkpointId: number): number {
    const key = checkpointId * factsMax + view;
    const known = this.#restored.get(key);
    if (known !== undefined) return known;
    const { plan } = this.#alphabet;
    const checkpoint = this.checkpoint(checkpointId);
    const { evolve, restore } = this.#parts;
    const first = restore(plan, wishesIn(view, plan), recordedIn(view), checkpoint, nowMillis);
    // The services of these plans are all there.
    const id = this.#intern(evolve(first, { kind: 'ServicesLookedUp', missing: [] }, nowMillis));
    this.#restored.set(key, id);
    return id;
  }

  fold(id: number, fact: number): number {
    if (id === forgotten) return forgotten;
    const key = id * factsMax + fact;
    const known = this.#next.get(key);
    if (known !== undefined) return known;
    const next = this.#intern(this.#evolve(this.state(id), fact));
    this.#next.set(key, next);
    return next;
  }

  action(id: number): Action | null {
    if (id === forgotten) return null;
    let action = this.#actions.get(id);
    if (action === undefined) {
      ({ action } = this.#parts.decide(this.state(id), nowMillis));
      this.#actions.set(id, action);
    }
    return action;
  }

  /** It would send again at once, and not only after a pause. */
  sendsInALoop(id: number): boolean {
    const after = this.#evolve(this.state(id), facts.sent);
    return this.#parts.decide(after, nowMillis).action !== null;
  }

  checkpoint(id: number): Checkpoint {
    const checkpoint = this.#checkpoints[id];
    if (!checkpoint) throw new RangeError(`no checkpoint ${id}`);
    return checkpoint;
  }

  /** What a status write of this state leaves in the object: through the real projection and the real way back. */
  checkpointOf(id: number): number {
    const known = this.#checkpointOf.get(id);
    if (known !== undefined) return known;
    const status = projectStatus(this.state(id), 1, {}, nowMillis);
    const checkpoint = canonicalCheckpoint(checkpointOf(status));
    const key = JSON.stringify(checkpoint);
    let found = this.#checkpointIds.get(key);
    if (found === undefined) {
      found = this.#checkpoints.push(checkpoint) - 1;
      this.#checkpointIds.set(key, found);
    }
    this.#checkpointOf.set(id, found);
    return found;
  }

  /** The fact of seeing an object like this. */
  observation(view: number, checkpointId: number): number {
    return facts.observed + view + (this.#abandonedId(this.checkpoint(checkpointId)) << abandonedShift);
  }

  #abandonedId({ abandoned }: Checkpoint): number {
    const key = abandoned.map(({ step, direction }) => `${direction} ${step}`).join();
    const known = this.#abandonedIds.get(key);
    if (known !== undefined) return known;
    const id = this.#abandoned.push(abandoned) - 1;
    this.#abandonedIds.set(key, id);
    return id;
  }

  said(id: number): Said {
    if (id === forgotten) return { outcome: null, withoutCommand: false, givenUp: 0 };
    const state = this.state(id);
    const { abandoned, recorded } = state;
    const revoke = abandoned.some(({ direction }) => direction === 'revoke');
    return {
      outcome: state.phase === 'Ended' ? state.outcome : null,
      withoutCommand: !recorded.finalizer,
      givenUp: revoke ? 2 : abandoned.length > 0 ? 1 : 0,
    };
  }

  #evolve(state: SagaState, fact: number): SagaState {
    const { evolve } = this.#parts;
    const atMillis = nowMillis + (fact === facts.deadlinePassed ? deadlineSeconds * 1_000 : 50_000);
    const isClock = fact === facts.timedOut || fact === facts.deadlinePassed;
    return evolve(state, this.#fact(state, fact), isClock ? atMillis : nowMillis);
  }

  #fact(state: SagaState, fact: number): Fact {
    const { plan, messages, answers } = this.#alphabet;
    if (fact >= facts.observed) {
      const observed = fact - facts.observed;
      const view = observed & seen.mask;
      const abandoned = this.#abandoned[observed >> abandonedShift] ?? [];
      return {
        kind: 'ObjectObserved',
        wishes: wishesIn(view, plan),
        recorded: { ...recordedIn(view), abandoned },
      };
    }
    if (fact === facts.timedOut || fact === facts.deadlinePassed) return { kind: 'TimePassed' };
    if (fact === facts.reconnected) return { kind: 'ConnectionRestored' };
    if (fact === facts.sent) {
      if (state.phase === 'Ended') throw new RangeError('an ended saga sends nothing');
      const { stepIndex, direction } = state.call;
      return { kind: 'CommandSent', stepIndex, direction, commandId: 'own' };
    }
    const answer = fact >= facts.answer ? answers[fact - facts.answer] : undefined;
    const message = messages[answer?.message ?? fact - facts.failed];
    if (!message) throw new RangeError(`no fact ${fact}`);
    return {
      kind: 'ReplyArrived',
      step: plan.steps[message.stepIndex]?.name ?? '',
      direction: message.direction,
      outcome: answer?.outcome ?? 'Failed',
      commandId: 'own',
      result: {},
      reason: '',
      message: '',
    };
  }

  #intern(raw: SagaState): number {
    const settled = this.#settle(raw);
    const canonical = canonicalState(settled, this.#precision);
    const key = keyOf(canonical);
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#states.push(canonical) - 1;
      this.#ids.set(key, id);
    }
    if (this.#verifies && !this.#verified.has(keyOf(settled))) {
      this.#verified.add(keyOf(settled));
      this.#verify(settled, canonical);
    }
    return id;
  }

  /**
   * Pauses are over at once: whoever pauses could as well be slow. Where the plan allows it, so is the wait for an answer that is never given
   * up: whoever waits only to ask the same again, could as well be slow to ask (`Precision.waits`).
   */
  #settle(raw: SagaState): SagaState {
    let state = raw;
    while (state.phase !== 'Ended' && state.call.wait.kind !== 'ready') {
      const { direction, stepIndex, wait } = state.call;
      const hasBudget = direction === 'execute' && stepIndex <= state.plan.pivotIndex;
      if (wait.kind === 'reply' && (hasBudget || this.#precision.waits)) return state;
      const next = this.#parts.evolve(state, { kind: 'TimePassed' }, wait.untilMillis);
      if (next === state) return state;
      state = next;
    }
    return state;
  }

  /** What was left out must not change what the core says next: the state and its canonical form go the same ways. */
  #verify(raw: SagaState, canonical: SagaState): void {
    const both = [raw, canonical] as const;
    const [a, b] = both.map((state) => this.#parts.decide(state, nowMillis).action);
    if (a?.kind !== b?.kind) throw new Error(`an abstraction that is seen: ${a?.kind} or ${b?.kind}`);
    for (const fact of this.#probes(raw)) {
      const [left, right] = both.map((state) =>
        keyOf(canonicalState(this.#settle(this.#evolve(state, fact)), this.#precision)),
      );
      if (left !== right) throw new Error(`an abstraction that is seen by fact ${fact}: ${left} or ${right}`);
    }
  }

  #probes(state: SagaState): readonly number[] {
    const { messages, answers } = this.#alphabet;
    return [
      facts.timedOut,
      facts.deadlinePassed,
      facts.reconnected,
      ...(state.phase === 'Ended' ? [] : [facts.sent]),
      ...messages.map((_, message) => facts.failed + message),
      ...answers.map((_, answer) => facts.answer + answer),
      ...views
        .filter((view) => this.#precision.trouble || view < 1 << seen.abandonShift)
        .map((view) => facts.observed + view),
    ];
  }
}
