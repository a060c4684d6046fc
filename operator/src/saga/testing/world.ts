import { decide, isStuck } from '../decide.ts';
import type { Action } from '../decide.ts';
import { evolve } from '../evolve.ts';
import type { Plan } from '../plan.ts';
import { stepAt } from '../plan.ts';
import { restore } from '../restore.ts';
import type { Checkpoint, Fact, Recorded, SagaState, Wishes } from '../state.ts';
import { FenceFake } from './fence-fake.ts';
import type { Command, Mood } from './fence-fake.ts';
import { checkpointOf, emptyCheckpoint, frozen, noWishes } from './plans.ts';

/** One saga, its object, its services, a bus that keeps no promise, and two operators that both believe they lead. */

export interface Setup {
  readonly plan: Plan;
  readonly rejecting: ReadonlySet<number>;
  /** Index of the step whose effect is outside its database. */
  readonly providerStep: number;
  readonly deadlineSeconds: number;
  /** How far the second operator's clock is from the first one's. */
  readonly skewMillis: number;
}

export interface StoredObject {
  readonly version: number;
  readonly wishes: Wishes;
  readonly finalizer: boolean;
  readonly outcome: Recorded['outcome'];
  readonly checkpoint: Checkpoint;
}

type Reply = Extract<Fact, { kind: 'ReplyArrived' }>;

interface Operator {
  readonly nonce: string;
  readonly skewMillis: number;
  state: SagaState | null;
  /** What its cache holds: it may be behind. */
  cached: StoredObject;
  readonly inbox: Reply[];
}

/** A fact as it was folded, kept so that the fold can be repeated. */
export interface Entry {
  readonly before: SagaState;
  readonly fact: Fact;
  readonly nowMillis: number;
  readonly after: SagaState;
}

export class World {
  readonly setup: Setup;
  readonly services: FenceFake;
  readonly bus: Command[] = [];
  readonly operators: readonly Operator[];
  readonly journal: Entry[] = [];
  object: StoredObject;
  nowMillis = 1_000_000;
  finalizerWasHeld = false;
  failureWasRecorded = false;
  gone = false;
  conflicts = 0;
  #sends = 0;
  #starts = 0;

  constructor(setup: Setup) {
    this.setup = setup;
    this.services = new FenceFake(setup.plan.steps.length, setup.rejecting, setup.providerStep);
    const wishes = { ...noWishes, deadlineSeconds: setup.deadlineSeconds };
    this.object = { version: 1, wishes, finalizer: false, outcome: null, checkpoint: emptyCheckpoint };
    this.operators = [this.#operator(0), this.#operator(setup.skewMillis)];
  }

  #operator(skewMillis: number): Operator {
    return {
      nonce: `n${(this.#starts += 1)}`,
      skewMillis,
      state: null,
      cached: this.object,
      inbox: [],
    };
  }

  operator(who: number): Operator {
    const operator = this.operators[who % this.operators.length];
    if (!operator) throw new RangeError('there are two operators');
    return operator;
  }

  /** One turn of an operator: what time it is, what to do now, and doing it. `heardBack`: it learns that its command was taken. */
  act(who: number, heardBack = true): Action | null {
    const operator = this.operator(who);
    this.#fold(operator, { kind: 'TimePassed' });
    const state = this.#stateOf(operator);
    const { action } = decide(state, this.#clock(operator));
    if (action) this.#perform(operator, state, action, heardBack);
    return action;
  }

  #perform(operator: Operator, state: SagaState, action: Action, heardBack: boolean): void {
    switch (action.kind) {
      case 'LookUpServices':
        return this.#fold(operator, { kind: 'ServicesLookedUp', missing: [] });
      case 'HoldFinalizer':
        return this.#write(operator, { finalizer: true });
      case 'RecordFailure':
        return this.#write(operator, { checkpoint: checkpointOf(state) });
      case 'RecordOutcome':
        if (state.phase !== 'Ended') throw new Error('an outcome is recorded of what is still open');
        return this.#write(operator, { checkpoint: checkpointOf(state), outcome: state.outcome });
      case 'ReleaseFinalizer':
        if (this.object.outcome === null) throw new Error('the finalizer goes before the outcome is stored');
        return this.#write(operator, { finalizer: false });
      case 'DeleteObject':
        return this.#write(operator, { wishes: { ...operator.cached.wishes, deleting: true } });
      case 'Send': {
        const commandId = `${operator.nonce}/${(this.#sends += 1)}`;
        const { stepIndex, direction } = action;
        this.#mustBeAllowed(state, { commandId, stepIndex, direction });
        this.bus.push({ commandId, stepIndex, direction });
        if (heardBack) this.#fold(operator, { kind: 'CommandSent', stepIndex, direction, commandId });
      }
    }
  }

  /** The laws that can be seen at the moment of sending. What a person abandoned is excused. */
  #mustBeAllowed(state: SagaState, { stepIndex, direction }: Command): void {
    const { pivotIndex } = this.setup.plan;
    const pivotRow = this.services.row(pivotIndex);
    if (state.abandoned.length > 0) return;
    if (!this.finalizerWasHeld) throw new Error('a command left before the finalizer was held');
    if (direction === 'revoke' && !this.failureWasRecorded) {
      throw new Error('the abort was asked for before its cause was recorded');
    }
    if (direction === 'execute' && stepIndex > pivotIndex && pivotRow !== 'executed') {
      throw new Error('a step after the pivot was sent before the pivot was taken');
    }
    if (direction !== 'compensate') return;
    if (pivotRow === 'executed' || pivotRow === 'empty') {
      throw new Error('a compensation was sent, and the pivot is not revoked');
    }
    for (let later = stepIndex + 1; later < pivotIndex; later += 1) {
      const row = this.services.row(later);
      if (row === 'empty' || row === 'pending' || row === 'executed') {
        throw new Error(`step ${stepIndex} is undone before step ${later}, whose row is ${row}`);
      }
    }
  }

  #write(operator: Operator, change: Partial<StoredObject>): void {
    if (operator.cached.version === this.object.version) this.change(change);
    else this.conflicts += 1;
    this.observe(this.operators.indexOf(operator));
  }

  /** A write of anybody that the API server took. */
  change(change: Partial<StoredObject>): void {
    if (this.gone) return;
    const { outcome } = this.object;
    if (outcome && change.outcome && change.outcome !== outcome) {
      throw new Error(`the outcome went from ${outcome} to ${change.outcome}`);
    }
    this.object = frozen({ ...this.object, ...change, version: this.object.version + 1 });
    this.finalizerWasHeld ||= this.object.finalizer;
    this.failureWasRecorded ||= this.object.checkpoint.failure !== null;
    if (this.object.wishes.deleting && !this.object.finalizer) this.gone = true;
  }

  wish(wishes: Partial<Wishes>): void {
    this.change({ wishes: { ...this.object.wishes, ...wishes } });
  }

  /** Somebody empties the status. What admission guards, the outcome, stays. */
  wipe(): void {
    this.change({ checkpoint: emptyCheckpoint });
  }

  observe(who: number): void {
    const operator = this.operator(who);
    operator.cached = this.object;
    const { wishes } = this.object;
    this.#fold(operator, { kind: 'ObjectObserved', wishes, recorded: recordedIn(this.object) });
  }

  /** A status write between two steps: progress, nothing that a law asks for. */
  saveProgress(who: number): void {
    const operator = this.operator(who);
    const state = this.#stateOf(operator);
    if (state.phase !== 'Ended') this.#write(operator, { checkpoint: checkpointOf(state) });
  }

  crash(who: number): void {
    const operator = this.operator(who);
    operator.state = null;
    operator.inbox.length = 0;
    operator.cached = this.object;
  }

  reconnect(who: number): void {
    this.#fold(this.operator(who), { kind: 'ConnectionRestored' });
  }

  deliverCommand(pick: number, mood: Mood, keep: boolean): void {
    const command = taken(this.bus, pick, keep);
    if (command) this.#answer(command, this.services.handle(command, mood));
  }

  finishCall(pick: number, diesBeforeCommit: boolean): void {
    const command = taken(this.services.calling, pick, false);
    if (command) this.#answer(command, this.services.finishCall(command, diesBeforeCommit));
  }

  #answer(command: Command, outcome: Reply['outcome'] | null): void {
    if (!outcome) return;
    const { commandId, direction } = command;
    const step = stepAt(this.setup.plan, command.stepIndex).name;
    const reply: Reply = frozen({
      kind: 'ReplyArrived',
      step,
      direction,
      outcome,
      commandId,
      result: {},
      reason: '',
      message: '',
    });
    for (const operator of this.operators) operator.inbox.push(reply);
  }

  deliverReply(who: number, pick: number, keep: boolean): void {
    const operator = this.operator(who);
    const reply = taken(operator.inbox, pick, keep);
    if (reply) this.#fold(operator, reply);
  }

  wakeAtMillis(who: number): number | null {
    const operator = this.operator(who);
    const { wakeAtMillis } = decide(this.#stateOf(operator), this.#clock(operator));
    return wakeAtMillis === null ? null : wakeAtMillis - operator.skewMillis;
  }

  /** The open step whose acknowledgement will not come by itself. */
  stuckStep(who: number): string | null {
    const state = this.#stateOf(this.operator(who));
    return state.phase !== 'Ended' && isStuck(state) ? stepAt(state.plan, state.call.stepIndex).name : null;
  }

  #clock(operator: Operator): number {
    return this.nowMillis + operator.skewMillis;
  }

  #stateOf(operator: Operator): SagaState {
    const { cached } = operator;
    operator.state ??= frozen(
      restore(this.setup.plan, cached.wishes, recordedIn(cached), cached.checkpoint, this.#clock(operator)),
    );
    return operator.state;
  }

  #fold(operator: Operator, fact: Fact): void {
    const before = this.#stateOf(operator);
    const nowMillis = this.#clock(operator);
    const after = frozen(evolve(before, frozen(fact), nowMillis));
    this.journal.push({ before, fact, nowMillis, after });
    operator.state = after;
  }
}

function recordedIn(object: StoredObject): Recorded {
  return {
    finalizer: object.finalizer,
    failure: object.checkpoint.failure,
    abandoned: object.checkpoint.abandoned,
    outcome: object.outcome,
  };
}

/** Any one of them, as the bus likes; kept when it is to come again. */
function taken<T>(list: T[], pick: number, keep: boolean): T | undefined {
  if (list.length === 0) return undefined;
  const index = pick % list.length;
  return keep ? list[index] : list.splice(index, 1)[0];
}
