import type { Ledger } from './state-space-services.ts';

/** One state of the search, packed into numbers, and as a string of nine characters. */

/** Of one saga: its messages, its object, and who drives it. */
export interface SagaParts {
  /** Sets of messages and of answers, one bit each (`Alphabet`). */
  sent: number;
  answers: number;
  /** What is stored (`seen`), and what ever was (`history`). */
  object: number;
  checkpoint: number;
  /** Number of the core state, and in the lowest bit: what it knows of the object is the newest. */
  readonly operators: [number, number];
}

export interface World extends Ledger, SagaParts {}

/** Above the ten bits of `seen`: what cannot be undone. */
export const history = {
  gone: 1 << 10,
  /** The finalizer was held at some time. */
  held: 1 << 11,
  /** A failure was stored at some time. */
  failed: 1 << 12,
  givenUp: 1 << 13,
  revokeGivenUp: 1 << 14,
  outcomeChanged: 1 << 15,
} as const;

const charMax = 0xffff;

/** Nothing distinguishes the two operators, so the one with the lower number comes first. */
export function encode(world: World): string {
  const [a, b] = world.operators;
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  if (high > charMax || world.checkpoint > charMax) throw new RangeError('too many core states');
  return String.fromCharCode(
    world.rows,
    world.provider | (world.handlers << 3),
    world.sent,
    world.answers & charMax,
    world.answers >>> 16,
    world.object,
    world.checkpoint,
    low,
    high,
  );
}

export function decode(state: string): World {
  const outside = state.charCodeAt(1);
  return {
    rows: state.charCodeAt(0),
    provider: outside & 7,
    handlers: outside >> 3,
    sent: state.charCodeAt(2),
    answers: state.charCodeAt(3) | (state.charCodeAt(4) << 16),
    object: state.charCodeAt(5),
    checkpoint: state.charCodeAt(6),
    operators: [state.charCodeAt(7), state.charCodeAt(8)],
  };
}

/** The two operators change places when their numbers do: then the next state speaks of them the other way round. */
export function isSwapped(world: World): boolean {
  return world.operators[0] > world.operators[1];
}
