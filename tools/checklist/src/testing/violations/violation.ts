import type { Facts } from '../../facts.ts';

/** Honest facts with one thing wrong. */
export interface Violation {
  /** "sees that ..." */
  readonly what: string;
  readonly facts: Facts;
  /** The points that must turn red and no others: the one that it is about, and a sibling where both are about the same. */
  readonly red: readonly number[];
  /** Part of the evidence of one of them. */
  readonly says: string;
}
