import type { Finding } from './finding.ts';

/** Collects one finding: each look counts, and a sentence is only made where something is wrong. */
export class Judge {
  readonly #invariant: string;
  readonly #violations: string[] = [];
  #evaluated = 0;

  constructor(invariant: string) {
    this.#invariant = invariant;
  }

  /** `sentence`: one sentence with the figures and ids. */
  look(isRight: boolean, sentence: () => string): void {
    this.#evaluated += 1;
    if (!isRight) this.#violations.push(sentence());
  }

  /** A further demand on something that was counted already. */
  also(isRight: boolean, sentence: () => string): void {
    if (!isRight) this.#violations.push(sentence());
  }

  get finding(): Finding {
    return { invariant: this.#invariant, evaluated: this.#evaluated, violations: this.#violations };
  }
}
