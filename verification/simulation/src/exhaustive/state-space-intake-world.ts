import type { SagaParts } from './state-space-world.ts';

/** One state of the intake's search, as a string of thirteen characters. */

export interface IntakeSaga extends SagaParts {
  /** Its places in the fence: create and confirm, three bits each. */
  rows: number;
}

export const orderStates = ['ABSENT', 'PENDING', 'CONFIRMED', 'CANCELLED'] as const;

export interface OrderRow {
  state: (typeof orderStates)[number];
  /** Which saga claimed it. */
  claim: 0 | 1 | null;
  /** An event announced it. */
  hasEvent: boolean;
  /** It had ended, and was opened again: must never be. */
  wasRevived: boolean;
}

export interface IntakeWorld {
  readonly order: OrderRow;
  /** The refusal's place in the fence. */
  refusal: number;
  secondWasMade: number;
  readonly sagas: [IntakeSaga, IntakeSaga];
}

export function encodeIntake({ order, refusal, secondWasMade, sagas }: IntakeWorld): string {
  const claim = order.claim === null ? 0 : order.claim + 1;
  const packed =
    orderStates.indexOf(order.state) |
    (claim << 2) |
    (order.hasEvent ? 16 : 0) |
    (refusal << 5) |
    (secondWasMade << 8) |
    (order.wasRevived ? 512 : 0);
  return String.fromCharCode(packed, ...codesOf(sagas[0]), ...codesOf(sagas[1]));
}

function codesOf({ rows, sent, answers, object, checkpoint, operators }: IntakeSaga): readonly number[] {
  return [rows, sent, answers, object, checkpoint, operators[0]];
}

const sagaLength = 6;

export function decodeIntake(state: string): IntakeWorld {
  const packed = state.charCodeAt(0);
  const claim = (packed >> 2) & 3;
  return {
    order: {
      state: orderStates[packed & 3] ?? 'ABSENT',
      claim: claim === 0 ? null : claim === 1 ? 0 : 1,
      hasEvent: (packed & 16) !== 0,
      wasRevived: (packed & 512) !== 0,
    },
    refusal: (packed >> 5) & 7,
    secondWasMade: (packed >> 8) & 1,
    sagas: [sagaAt(state, 1), sagaAt(state, 1 + sagaLength)],
  };
}

/** The second operator of a saga is none. */
function sagaAt(state: string, at: number): IntakeSaga {
  return {
    rows: state.charCodeAt(at),
    sent: state.charCodeAt(at + 1),
    answers: state.charCodeAt(at + 2),
    object: state.charCodeAt(at + 3),
    checkpoint: state.charCodeAt(at + 4),
    operators: [state.charCodeAt(at + 5), 1],
  };
}

export function copyIntake(world: IntakeWorld): IntakeWorld {
  const [first, second] = world.sagas;
  return { ...world, order: { ...world.order }, sagas: [copySaga(first), copySaga(second)] };
}

function copySaga(saga: IntakeSaga): IntakeSaga {
  return { ...saga, operators: [saga.operators[0], saga.operators[1]] };
}
