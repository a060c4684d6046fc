import type { FencePlace } from '@sagamesh/kit/fence-decision';
import { planWith } from '@sagamesh/operator/saga/testing/plans';
import { unreachable } from '@sagamesh/contracts/unreachable';
import type { Emit, Model } from './state-space.ts';
import { Alphabet, outcomeIn, seen } from './state-space-alphabet.ts';
import { CoreTable, forgotten } from './state-space-core.ts';
import { brokenIntakeLaw } from './state-space-intake-laws.ts';
import { tellIntakePath } from './state-space-intake-words.ts';
import { copyIntake, decodeIntake, encodeIntake } from './state-space-intake-world.ts';
import type { IntakeSaga, IntakeWorld } from './state-space-intake-world.ts';
import { moveTo } from './state-space-moves.ts';
import type { MoveKind } from './state-space-moves.ts';
import { goneIfLetGo, noneIsFresh, Operators } from './state-space-operators.ts';
import { OrderService } from './state-space-order.ts';
import type { OrderParts } from './state-space-order.ts';
import type { Parts } from './state-space-parts.ts';
import { rowAt } from './state-space-services.ts';
import { history } from './state-space-world.ts';

/**
 * Two sagas that want the same order: from the intake and by hand, or one after the other under the same name. Each has its own object, its own
 * messages and an operator of its own; the order is decided by the real decisions of the order service under the real fence. Plan of each:
 * a = create/cancel, p = confirm (the pivot).
 */

export interface IntakeConfiguration {
  readonly name: string;
  /** The order came in over HTTP and waits, announced by an event; otherwise it is not there yet. */
  readonly placed: boolean;
  /** Which saga names that event. */
  readonly namesEvent: readonly [boolean, boolean];
  /** The second one is made when the first one is gone. */
  readonly sameName: boolean;
  /** The intake may tell the order service to refuse the order. */
  readonly refuses: boolean;
  readonly people: ReadonlySet<'cancel' | 'delete'>;
  readonly deadline: boolean;
}

const sides = [0, 1] as const;

export class IntakeModel implements Model {
  readonly configuration: IntakeConfiguration;
  readonly alphabet: Alphabet;
  readonly table: CoreTable;
  readonly start: string;
  readonly #operators: Operators;
  readonly #orders: OrderService;
  readonly #parts: Parts;

  constructor(configuration: IntakeConfiguration, parts: Parts, orderParts: OrderParts) {
    const alphabet = new Alphabet(planWith({ before: ['a'], after: [], maxAttempts: 1 }));
    const precision = { waits: false, attempts: false, trouble: false };
    const table = new CoreTable(alphabet, parts, precision, false);
    const { deadline } = configuration;
    this.configuration = configuration;
    this.alphabet = alphabet;
    this.table = table;
    this.#parts = parts;
    this.#operators = new Operators({ alphabet, table, parts, deadline, reconnects: false, progress: false });
    this.#orders = new OrderService(configuration.namesEvent, orderParts);
    this.start = encodeIntake({
      order: this.#orders.first(configuration.placed),
      refusal: 0,
      secondWasMade: configuration.sameName ? 0 : 1,
      sagas: [this.#newSaga(), configuration.sameName ? this.#absentSaga() : this.#newSaga()],
    });
  }

  /** The intake puts the finalizer on what it makes. */
  #newSaga(): IntakeSaga {
    const object = this.configuration.placed ? seen.finalizer | history.held : 0;
    const operator = (this.table.restore(object & seen.mask, 0) << 1) | 1;
    return { rows: 0, sent: 0, answers: 0, object, checkpoint: 0, operators: [operator, 1] };
  }

  #absentSaga(): IntakeSaga {
    return {
      rows: 0,
      sent: 0,
      answers: 0,
      object: history.gone,
      checkpoint: 0,
      operators: [(forgotten << 1) | 1, 1],
    };
  }

  expand(state: string, emit: Emit): void {
    const world = decodeIntake(state);
    for (const side of sides) {
      this.#expandService(world, side, emit);
      this.#expandPeople(world, side, emit);
      let next = world;
      const turn = {
        world: world.sagas[side],
        copy: () => {
          next = copyIntake(world);
          return next.sagas[side];
        },
        emit: (_: IntakeSaga, helps: boolean, { kind, what }: Parameters<Emit>[2]) =>
          emit(encodeIntake(next), helps, { kind, who: side, what }),
      };
      this.#operators.expand(turn, 0);
    }
    if (this.configuration.refuses) this.#expandRefusal(world, emit);
    const [first] = world.sagas;
    if (!world.secondWasMade && first.object & history.gone) {
      const next = copyIntake(world);
      next.sagas[1] = this.#newSaga();
      next.secondWasMade = 1;
      emit(encodeIntake(next), false, moveTo('restarts', 1, 1));
    }
  }

  #expandService(world: IntakeWorld, side: 0 | 1, emit: Emit): void {
    for (const [message, { direction, stepIndex }] of this.alphabet.messages.entries()) {
      const { sent, rows } = world.sagas[side];
      if (!(sent & (1 << message))) continue;
      const next = copyIntake(world);
      const decision = this.#parts.decideFence(direction, placeOf(rows, stepIndex));
      const outcome = this.#orders.carryOut(next, side, stepIndex, decision);
      if (outcome) next.sagas[side].answers |= this.alphabet.answerBit(message, outcome);
      emit(encodeIntake(next), true, moveTo('takes', side, message));
    }
  }

  #expandRefusal(world: IntakeWorld, emit: Emit): void {
    const decision = this.#parts.decideFence('execute', placeOf(world.refusal, 0));
    if (decision.kind !== 'apply') return;
    const next = copyIntake(world);
    this.#orders.refuse(next);
    emit(encodeIntake(next), false, moveTo('refuses', 0, 0));
  }

  #expandPeople(world: IntakeWorld, side: 0 | 1, emit: Emit): void {
    const { people } = this.configuration;
    const { object } = world.sagas[side];
    if (object & history.gone) return;
    const wish = (kind: MoveKind, bit: number) => {
      if (object & bit) return;
      const next = copyIntake(world);
      const saga = next.sagas[side];
      saga.object = goneIfLetGo(object | bit);
      noneIsFresh(saga);
      emit(encodeIntake(next), false, moveTo(kind, side, 0));
    };
    if (people.has('cancel')) wish('cancels', seen.cancel);
    if (people.has('delete')) wish('deletes', seen.deleting);
  }

  violation(state: string): string | null {
    const world = decodeIntake(state);
    for (const side of sides) {
      const loop = this.#operators.hotLoop(world.sagas[side], 0);
      if (loop !== null) return loop;
    }
    return brokenIntakeLaw(world, this.configuration);
  }

  hasEnded(state: string): boolean {
    return decodeIntake(state).sagas.every(
      ({ object }) =>
        (object & history.gone) !== 0 || (outcomeIn(object) !== null && !(object & seen.finalizer)),
    );
  }

  waitsForPerson(): boolean {
    return false;
  }

  tell(path: readonly string[]): readonly string[] {
    return tellIntakePath(this, path);
  }
}

function placeOf(rows: number, step: number): FencePlace {
  const row = rowAt(rows, step);
  switch (row) {
    case 'empty':
      return { kind: 'empty' };
    case 'pending':
    case 'executed':
    case 'rejected':
    case 'compensated':
    case 'tombstone':
      return { kind: 'row', state: row, sameRequest: true };
    default:
      return unreachable(row);
  }
}
