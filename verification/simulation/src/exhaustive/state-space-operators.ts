import { unreachable } from '@sagamesh/contracts/unreachable';
import type { Action } from '@sagamesh/operator/saga/decide';
import type { Move } from './state-space.ts';
import { outcomeIn, outcomes, seen } from './state-space-alphabet.ts';
import type { Alphabet } from './state-space-alphabet.ts';
import { facts, forgotten } from './state-space-core.ts';
import type { CoreTable } from './state-space-core.ts';
import { moveTo } from './state-space-moves.ts';
import type { MoveKind } from './state-space-moves.ts';
import type { Parts } from './state-space-parts.ts';
import { history } from './state-space-world.ts';
import type { SagaParts } from './state-space-world.ts';

/**
 * What operators do with one saga: the action that the core decided, hearing, waiting in vain, looking, dying. A write with a stale view is
 * refused, and the operator looks instead.
 */

export interface OperatorsSetup {
  readonly alphabet: Alphabet;
  readonly table: CoreTable;
  readonly parts: Parts;
  /** The saga's deadline may pass, and the operator's connection may break. */
  readonly deadline: boolean;
  readonly reconnects: boolean;
  /** Status writes between the gates. */
  readonly progress: boolean;
}

/** `copy` gives a state that may be changed, valid until the next call; `emit` takes what it became. */
export interface Turn<S extends SagaParts> {
  readonly world: S;
  readonly copy: () => S;
  readonly emit: (next: S, helps: boolean, move: Move) => void;
}

const loopMax = 12;

export class Operators {
  readonly #setup: OperatorsSetup;
  readonly #loops = new Map<string, string | null>();

  constructor(setup: OperatorsSetup) {
    this.#setup = setup;
  }

  expand<S extends SagaParts>(turn: Turn<S>, who: number): void {
    if (idOf(turn.world, who) === forgotten) return;
    this.#expandFacts(turn, who);
    this.#expandActions(turn, who);
    const { world, copy, emit } = turn;
    const observed = copy();
    this.#observe(observed, who);
    emit(observed, true, moveTo('observes', who, 0));
    const restarted = copy();
    const isGone = (world.object & history.gone) !== 0;
    const { table } = this.#setup;
    this.#become(
      restarted,
      who,
      isGone ? forgotten : table.restore(world.object & seen.mask, world.checkpoint),
    );
    setFresh(restarted, who, true);
    emit(restarted, false, moveTo('restarts', who, 0));
  }

  #expandFacts<S extends SagaParts>({ world, copy, emit }: Turn<S>, who: number): void {
    const { alphabet, table, deadline, reconnects } = this.#setup;
    const id = idOf(world, who);
    const fold = (kind: MoveKind, fact: number, helps: boolean, what = 0) => {
      const to = table.fold(id, fact);
      if (to === id) return;
      const next = copy();
      this.#become(next, who, to);
      emit(next, helps, moveTo(kind, who, what));
    };
    for (let answer = 0; answer < alphabet.answers.length; answer += 1) {
      if (world.answers & (1 << answer)) fold('hears', facts.answer + answer, true, answer);
    }
    for (let message = 0; message < alphabet.messages.length; message += 1) {
      if (world.sent & (1 << message)) fold('hearsFailed', facts.failed + message, false, message);
    }
    fold('timesOut', facts.timedOut, true);
    if (deadline) fold('missesDeadline', facts.deadlinePassed, false);
    if (reconnects) fold('reconnects', facts.reconnected, false);
  }

  #expandActions<S extends SagaParts>({ world, copy, emit }: Turn<S>, who: number): void {
    const { table, progress } = this.#setup;
    const id = idOf(world, who);
    if (progress && isFresh(world, who) && !(world.object & history.gone)) {
      const next = copy();
      this.#save(next, who, id);
      this.#told(next, who, true);
      emit(next, false, moveTo('savesProgress', who, 0));
    }
    const action = table.action(id);
    if (!action) return;
    const next = copy();
    this.#act(next, who, action, true);
    emit(next, true, moveTo('acts', who, 0));
    if (action.kind === 'Send') return;
    const unheard = copy();
    this.#act(unheard, who, action, false);
    emit(unheard, false, moveTo('actsUnheard', who, 0));
    if (isFresh(world, who) || world.object & history.gone) return;
    const belated = copy();
    this.#actBelated(belated, who, action);
    emit(belated, false, moveTo('actsBelated', who, 0));
  }

  /**
   * Between decision and write the cache moved on, so the write carries the newest version: what was decided on an older belief is done to the
   * finalizer; before the status is written, the belief is brought up to date, and what it is then is written.
   */
  #actBelated(next: SagaParts, who: number, action: Exclude<Action, { kind: 'Send' }>): void {
    if (action.kind === 'RecordFailure' || action.kind === 'RecordOutcome') {
      this.#observe(next, who);
      const id = idOf(next, who);
      this.#save(next, who, id);
      if (this.#setup.table.said(id).outcome !== null) this.#saveOutcome(next, id);
      this.#told(next, who, true);
      return;
    }
    setFresh(next, who, true);
    this.#act(next, who, action, true);
  }

  /** `told`: the operator learns that its write was taken. */
  #act(next: SagaParts, who: number, action: Action, told: boolean): void {
    const { alphabet, table, parts } = this.#setup;
    const id = idOf(next, who);
    if (action.kind === 'Send') {
      next.sent |= 1 << alphabet.message(action.direction, action.stepIndex);
      this.#become(next, who, table.fold(id, facts.sent));
      return;
    }
    const mayWrite = isFresh(next, who) || !parts.shell.writesWithVersion;
    if (!mayWrite || next.object & history.gone) return this.#observe(next, who);
    switch (action.kind) {
      case 'HoldFinalizer':
        next.object |= seen.finalizer | history.held;
        break;
      case 'RecordFailure':
        this.#save(next, who, id);
        break;
      case 'RecordOutcome':
        this.#save(next, who, id);
        this.#saveOutcome(next, id);
        break;
      case 'ReleaseFinalizer':
        next.object = goneIfLetGo(next.object & ~seen.finalizer);
        break;
      case 'DeleteObject':
        next.object = goneIfLetGo(next.object | seen.deleting);
        break;
      case 'LookUpServices':
        throw new Error('the services were looked up at the start');
      default:
        unreachable(action);
    }
    this.#told(next, who, told);
  }

  #save(next: SagaParts, who: number, id: number): void {
    const { table } = this.#setup;
    next.checkpoint = table.checkpointOf(id);
    const hasFailure = table.checkpoint(next.checkpoint).failure !== null;
    if (hasFailure) next.object |= seen.failure | history.failed;
    else next.object &= ~seen.failure;
    setFresh(next, 1 - who, false);
  }

  #saveOutcome(next: SagaParts, id: number): void {
    const { outcome } = this.#setup.table.said(id);
    const before = outcomeIn(next.object);
    if (before !== null && outcome !== before) next.object |= history.outcomeChanged;
    next.object = (next.object & ~seen.outcomeMask) | (outcomes.indexOf(outcome) << seen.outcomeShift);
  }

  #told(next: SagaParts, who: number, told: boolean): void {
    setFresh(next, 1 - who, false);
    if (told) this.#observe(next, who);
    else setFresh(next, who, false);
  }

  #observe(next: SagaParts, who: number): void {
    const isGone = (next.object & history.gone) !== 0;
    const { table } = this.#setup;
    const fact = table.observation(next.object & seen.mask, next.checkpoint);
    this.#become(next, who, isGone ? forgotten : table.fold(idOf(next, who), fact));
    setFresh(next, who, true);
  }

  #become(next: SagaParts, who: number, id: number): void {
    next.operators[who] = (id << 1) | (id === forgotten ? 1 : (next.operators[who] ?? 0) & 1);
    const { givenUp } = this.#setup.table.said(id);
    if (givenUp > 0) next.object |= history.givenUp;
    if (givenUp > 1) next.object |= history.revokeGivenUp;
  }

  /** Alone with its object, an operator must come to rest. */
  hotLoop(world: SagaParts, who: number): string | null {
    const key = `${world.operators[who]},${world.object},${world.checkpoint}`;
    const known = this.#loops.get(key);
    if (known !== undefined) return known;
    const [first, second] = world.operators;
    const found = this.#loopFrom({ ...world, operators: [first, second] }, who);
    this.#loops.set(key, found);
    return found;
  }

  #loopFrom(next: SagaParts, who: number): string | null {
    const { table } = this.#setup;
    for (let count = 0; count < loopMax; count += 1) {
      const id = idOf(next, who);
      const action = table.action(id);
      if (!action) return null;
      if (action.kind === 'Send') {
        return table.sendsInALoop(id) ? 'an operator sends in a hot loop' : null;
      }
      this.#act(next, who, action, true);
    }
    return `an operator is in a hot loop: ${table.action(idOf(next, who))?.kind}`;
  }
}

/** The API server deletes what nobody holds any more. */
export function goneIfLetGo(object: number): number {
  return object & seen.deleting && !(object & seen.finalizer) ? object | history.gone : object;
}

export function idOf(world: SagaParts, who: number): number {
  return (world.operators[who] ?? 0) >> 1;
}

function isFresh(world: SagaParts, who: number): boolean {
  return ((world.operators[who] ?? 0) & 1) !== 0;
}

function setFresh(world: SagaParts, who: number, fresh: boolean): void {
  if (idOf(world, who) === forgotten) return;
  world.operators[who] = ((world.operators[who] ?? 0) & ~1) | (fresh ? 1 : 0);
}

/** Somebody else wrote: what the operators know of the object is old. */
export function noneIsFresh(world: SagaParts): void {
  setFresh(world, 0, false);
  setFresh(world, 1, false);
}
