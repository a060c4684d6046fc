import { planWith } from '@sagamesh/operator/saga/testing/plans';
import type { Emit, Model, Move } from './state-space.ts';
import { Alphabet, outcomeIn, seen } from './state-space-alphabet.ts';
import { CoreTable } from './state-space-core.ts';
import { brokenLaw } from './state-space-laws.ts';
import { moveTo } from './state-space-moves.ts';
import type { MoveKind } from './state-space-moves.ts';
import { goneIfLetGo, noneIsFresh, Operators } from './state-space-operators.ts';
import type { Parts } from './state-space-parts.ts';
import { rowAt, Services, stages } from './state-space-services.ts';
import { tellPath } from './state-space-words.ts';
import { decode, encode, history, isSwapped } from './state-space-world.ts';
import type { World } from './state-space-world.ts';

/**
 * One saga, its object, its services and two operators that both believe they lead, as a model for the search.
 *
 * Messages and answers are sets that only grow: one that stays in the set for ever was lost or is late, one that is taken twice was doubled,
 * and any order is possible. With `losses`, they may also leave the set: then nothing but asking again can bring an answer.
 *
 * Left out: an operator that starts from a list that is older than the object (it is the same as one that started then and was slow, but a
 * process cannot have two of these in a row here); what nobody can do with the rights that the product has, e.g. removing the finalizer.
 */

export interface Configuration {
  readonly name: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The step with an effect at the provider. */
  readonly providerStep: string | null;
  /** Steps that answer with a business no. */
  readonly rejecting: readonly string[];
  readonly maxAttempts: number;
  /** The object was made by the intake, which puts the finalizer on it. */
  readonly heldFromStart: boolean;
  readonly people: ReadonlySet<'cancel' | 'delete' | 'suspend' | 'wipe'>;
  /** Steps that people may name in the abandon-step annotation. */
  readonly abandonable: readonly string[];
  /** The saga's deadline may pass, and the operator's connection may break. */
  readonly deadline: boolean;
  readonly reconnects: boolean;
  /** Status writes between the gates. */
  readonly progress: boolean;
  readonly losses: boolean;
  /** Messages that no service ever answers, e.g. `compensate b`: only a person can end such a saga. */
  readonly silent: readonly string[];
  readonly operators: 1 | 2;
}

export class SagaModel implements Model {
  readonly configuration: Configuration;
  readonly alphabet: Alphabet;
  readonly table: CoreTable;
  readonly start: string;
  readonly #services: Services;
  readonly #operators: Operators;
  readonly #silent: ReadonlySet<number>;
  /** Numbers of steps, from 1. */
  readonly #abandonable: readonly number[];
  readonly #next: World;
  /** The two operators changed places in the state that was encoded last. */
  lastWasSwapped = false;

  constructor(configuration: Configuration, parts: Parts, verifies = false) {
    const { before, after, maxAttempts, people } = configuration;
    const plan = planWith({ before, after, maxAttempts });
    const indexOf = (name: string) => plan.steps.findIndex((step) => step.name === name);
    this.configuration = configuration;
    this.alphabet = new Alphabet(plan);
    const abandons = configuration.abandonable.length > 0;
    this.#abandonable = configuration.abandonable.map((name) => indexOf(name) + 1);
    const precision = { waits: abandons, trouble: abandons, attempts: people.has('suspend') };
    this.table = new CoreTable(this.alphabet, parts, precision, verifies);
    const { deadline, reconnects, progress } = configuration;
    const { alphabet, table } = this;
    this.#operators = new Operators({ alphabet, table, parts, deadline, reconnects, progress });
    this.#silent = new Set(
      this.alphabet.messages.flatMap((_, message) =>
        configuration.silent.includes(this.alphabet.nameOf(message)) ? [message] : [],
      ),
    );
    this.#services = new Services({
      alphabet: this.alphabet,
      parts,
      providerStep: configuration.providerStep === null ? -1 : indexOf(configuration.providerStep),
      rejecting: new Set(configuration.rejecting.map(indexOf)),
    });
    this.start = this.#first();
    this.#next = decode(this.start);
  }

  #first(): string {
    const held = this.configuration.heldFromStart;
    const object = held ? seen.finalizer | history.held : 0;
    const operator = (this.table.restore(object, 0) << 1) | 1;
    return encode({
      rows: 0,
      provider: 0,
      handlers: 0,
      sent: 0,
      answers: 0,
      object,
      checkpoint: 0,
      operators: [operator, this.configuration.operators === 2 ? operator : 1],
    });
  }

  expand(state: string, emit: Emit): void {
    const world = decode(state);
    this.#expandServices(world, emit);
    const turn = {
      world,
      copy: () => this.#copy(world),
      emit: (next: World, helps: boolean, move: Move) => emit(this.#encode(next), helps, move),
    };
    this.#operators.expand(turn, 0);
    this.#operators.expand(turn, 1);
    this.#expandPeople(world, emit);
    if (this.configuration.losses) this.#expandLosses(world, emit);
  }

  /** A copy that may be changed; valid until the next call. */
  #copy(world: World): World {
    const next = this.#next;
    next.rows = world.rows;
    next.provider = world.provider;
    next.handlers = world.handlers;
    next.sent = world.sent;
    next.answers = world.answers;
    next.object = world.object;
    next.checkpoint = world.checkpoint;
    next.operators[0] = world.operators[0];
    next.operators[1] = world.operators[1];
    return next;
  }

  #encode(next: World): string {
    this.lastWasSwapped = isSwapped(next);
    return encode(next);
  }

  #expandServices(world: World, emit: Emit): void {
    const { messages } = this.alphabet;
    for (let message = 0; message < messages.length; message += 1) {
      if (!(world.sent & (1 << message)) || this.#silent.has(message)) continue;
      const next = this.#copy(world);
      const outcome = this.#services.take(next, message);
      if (outcome) next.answers |= this.alphabet.answerBit(message, outcome);
      emit(this.#encode(next), true, moveTo('takes', 0, message));
    }
    for (const [index, stage] of stages.entries()) {
      if (!(world.handlers & (1 << index))) continue;
      const next = this.#copy(world);
      if (this.configuration.losses) next.handlers &= ~(1 << index);
      const outcome = this.#services.proceed(next, stage);
      const message = this.#messageOfHandler(index);
      if (outcome) next.answers |= this.alphabet.answerBit(message, outcome);
      emit(this.#encode(next), true, moveTo('proceeds', 0, index));
    }
  }

  #messageOfHandler(stage: number): number {
    const step = this.alphabet.plan.steps.findIndex(({ name }) => name === this.configuration.providerStep);
    return this.alphabet.message(stage < stages.indexOf('cancel') ? 'execute' : 'compensate', step);
  }

  #expandPeople(world: World, emit: Emit): void {
    if (world.object & history.gone) return;
    const { people } = this.configuration;
    const wish = (kind: MoveKind, helps: boolean, what: number, change: (object: number) => number) => {
      const next = this.#copy(world);
      next.object = goneIfLetGo(change(next.object));
      if (next.object === world.object) return;
      noneIsFresh(next);
      emit(this.#encode(next), helps, moveTo(kind, 0, what));
    };
    if (people.has('cancel')) wish('cancels', false, 0, (object) => object | seen.cancel);
    if (people.has('delete')) wish('deletes', false, 0, (object) => object | seen.deleting);
    if (people.has('suspend')) {
      wish('suspends', false, 0, (object) => object | seen.suspend);
      wish('resumes', true, 0, (object) => object & ~seen.suspend);
    }
    if (people.has('wipe') && world.checkpoint !== 0) {
      const next = this.#copy(world);
      next.checkpoint = 0;
      next.object &= ~seen.failure;
      noneIsFresh(next);
      emit(this.#encode(next), false, moveTo('wipes', 0, 0));
    }
    if (this.#abandonable.length === 0) return;
    const helps = this.configuration.silent.length > 0 || this.#refusesAfterPivot;
    for (const step of [0, ...this.#abandonable]) {
      wish('abandons', helps, step, (object) => (object & ~seen.abandonMask) | (step << seen.abandonShift));
    }
  }

  get #refusesAfterPivot(): boolean {
    return this.configuration.rejecting.some((name) => this.configuration.after.includes(name));
  }

  #expandLosses(world: World, emit: Emit): void {
    const lose = (kind: MoveKind, field: 'sent' | 'answers' | 'handlers', count: number) => {
      for (let bit = 0; bit < count; bit += 1) {
        if (!(world[field] & (1 << bit))) continue;
        const next = this.#copy(world);
        next[field] &= ~(1 << bit);
        emit(this.#encode(next), false, moveTo(kind, 0, bit));
      }
    };
    lose('losesMessage', 'sent', this.alphabet.messages.length);
    lose('losesAnswer', 'answers', this.alphabet.answers.length);
    lose('handlerDies', 'handlers', stages.length);
  }

  violation(state: string): string | null {
    const world = decode(state);
    for (let who = 0; who < 2; who += 1) {
      const loop = this.#operators.hotLoop(world, who);
      if (loop !== null) return loop;
    }
    return brokenLaw(world, this);
  }

  hasEnded(state: string): boolean {
    const { object } = decode(state);
    return (object & history.gone) !== 0 || (outcomeIn(object) !== null && !(object & seen.finalizer));
  }

  /** A step behind the pivot says no: only abandon-step ends that, and where people may do it, it must work. */
  waitsForPerson(state: string): boolean {
    if (this.#abandonable.length > 0 || !this.#refusesAfterPivot) return false;
    const { rows } = decode(state);
    return rowAt(rows, this.alphabet.plan.pivotIndex) === 'executed';
  }

  tell(path: readonly string[]): readonly string[] {
    return tellPath(this, path);
  }
}
