import type { Direction, ReplyOutcome } from '@sagamesh/contracts/messages';
import { decide, isStuck } from '../decide.ts';
import type { Action } from '../decide.ts';
import { evolve } from '../evolve.ts';
import type { Plan } from '../plan.ts';
import { restore } from '../restore.ts';
import type { Checkpoint, EndedSaga, Fact, OpenSaga, Recorded, SagaState, Wishes } from '../state.ts';
import { nameOfCall } from '../transitions.ts';
import { checkpointOf, emptyCheckpoint, frozen, noWishes, nothingRecorded, planWith } from './plans.ts';

/** One saga told fact by fact: given a beginning, when this and that happens, then look. Every write works, every command is sent. */

export interface Beginning {
  readonly plan?: Plan;
  readonly wishes?: Partial<Wishes>;
  readonly recorded?: Partial<Recorded>;
  readonly checkpoint?: Partial<Checkpoint>;
  /** What the look-ups of services find missing, one after the other; then nothing. */
  readonly missing?: readonly (readonly string[])[];
}

type Reply = Extract<Fact, { kind: 'ReplyArrived' }>;

export class Story {
  state: SagaState;
  nowMillis = 1_000_000;
  /** What was done, in order: `HoldFinalizer`, `execute a`, ... */
  log: string[] = [];
  stored: Checkpoint;
  readonly #missing: (readonly string[])[];
  #sends = 0;

  constructor(beginning: Beginning) {
    const wishes = { ...noWishes, ...beginning.wishes };
    const recorded = { ...nothingRecorded, ...beginning.recorded };
    this.stored = { ...emptyCheckpoint, ...beginning.checkpoint };
    this.#missing = [...(beginning.missing ?? [])];
    this.state = frozen(restore(beginning.plan ?? planWith(), wishes, recorded, this.stored, this.nowMillis));
  }

  fact(fact: Fact): this {
    this.state = frozen(evolve(this.state, frozen(fact), this.nowMillis));
    return this;
  }

  /** Does what there is to do, until there is nothing to do but wait. */
  run(): this {
    for (let count = 0; count < 30; count += 1) {
      const { action } = decide(this.state, this.nowMillis);
      if (!action) return this;
      this.#perform(action);
    }
    throw new Error(`hot loop: ${this.log.slice(-3).join(', ')}`);
  }

  /** Does the one thing that is to be done now. */
  act(): this {
    const { action } = decide(this.state, this.nowMillis);
    if (!action) throw new Error('there is nothing to do');
    this.#perform(action);
    return this;
  }

  #perform(action: Action): void {
    if (action.kind === 'Send') {
      const { direction, stepIndex } = action;
      const commandId = `command-${(this.#sends += 1)}`;
      this.log.push(`${direction} ${this.state.plan.steps[stepIndex]?.name}`);
      this.fact({ kind: 'CommandSent', stepIndex, direction, commandId });
      return;
    }
    this.log.push(action.kind);
    switch (action.kind) {
      case 'LookUpServices':
        this.fact({ kind: 'ServicesLookedUp', missing: this.#missing.shift() ?? [] });
        return;
      case 'HoldFinalizer':
        this.observe({ finalizer: true });
        return;
      case 'RecordFailure':
        this.#store().observe({ failure: this.stored.failure });
        return;
      case 'RecordOutcome':
        this.#store().observe({ outcome: this.ended.outcome });
        return;
      case 'ReleaseFinalizer':
        this.observe({ finalizer: false });
        return;
      case 'DeleteObject':
        this.wish({ deleting: true });
    }
  }

  #store(): this {
    this.stored = checkpointOf(this.state);
    return this;
  }

  observe(recorded: Partial<Recorded>): this {
    const { wishes } = this.state;
    return this.fact({
      kind: 'ObjectObserved',
      wishes,
      recorded: { ...this.state.recorded, ...recorded },
    });
  }

  wish(wishes: Partial<Wishes>): this {
    const { recorded } = this.state;
    return this.fact({ kind: 'ObjectObserved', wishes: { ...this.state.wishes, ...wishes }, recorded });
  }

  pass(millis: number): this {
    this.nowMillis += millis;
    return this.fact({ kind: 'TimePassed' });
  }

  /** To the moment at which the saga itself wants to be woken. */
  wake(): this {
    const { wakeAtMillis } = decide(this.state, this.nowMillis);
    if (wakeAtMillis === null) throw new Error('it does not want to be woken');
    return this.pass(wakeAtMillis - this.nowMillis);
  }

  /** An answer to the open question, or to the one that is told apart. */
  reply(outcome: ReplyOutcome, change: Partial<Reply> = {}): this {
    const { direction, commandId } = this.open.call;
    const step = nameOfCall(this.open);
    return this.fact({
      kind: 'ReplyArrived',
      step,
      direction,
      outcome,
      commandId: commandId ?? 'command-of-another',
      result: {},
      reason: '',
      message: '',
      ...change,
    });
  }

  /** Runs, and gives the answers of a day without trouble, until this question is out. */
  until(direction: Direction, step: string): this {
    for (let count = 0; count < 20; count += 1) {
      this.run();
      if (this.open.call.direction === direction && nameOfCall(this.open) === step) return this;
      this.reply(usualAnswers[this.open.call.direction]);
    }
    throw new Error(`never came to ${direction} ${step}`);
  }

  /** The process dies; the next one starts from the object. Wiped: of the status, nothing is left. */
  restart(change: { readonly wiped?: boolean; readonly saved?: boolean } = {}): this {
    if (change.saved) this.#store();
    if (change.wiped) this.stored = emptyCheckpoint;
    const recorded = { ...this.state.recorded, failure: this.stored.failure };
    this.state = frozen(restore(this.state.plan, this.state.wishes, recorded, this.stored, this.nowMillis));
    this.log = [];
    return this;
  }

  get open(): OpenSaga {
    if (this.state.phase === 'Ended') throw new Error('the saga has ended');
    return this.state;
  }

  get ended(): EndedSaga {
    if (this.state.phase !== 'Ended') throw new Error('the saga is open');
    return this.state;
  }

  /** Where the saga is, in words: `execute a: reply`, `revoke p: backoff, stuck`, `Completed`. */
  get where(): string {
    const { state } = this;
    if (state.phase === 'Ended') return state.outcome;
    const { direction, wait } = state.call;
    return `${direction} ${nameOfCall(state)}: ${wait.kind}${isStuck(state) ? ', stuck' : ''}`;
  }

  get stepStates(): string {
    return this.state.steps.map((record) => record.state).join(' ');
  }
}

const usualAnswers = { execute: 'Executed', compensate: 'Compensated', revoke: 'Revoked' } as const;

export function given(beginning: Beginning = {}): Story {
  return new Story(beginning);
}
