/** What happened, folded into one number: two runs of one seed and one commit must agree in it. Keeps the last lines for people. */

const keptMax = 4_000;

export class Trace {
  #high = 0xdeadbeef;
  #low = 0x41c6ce57;
  #count = 0;
  readonly #kept: string[] = [];
  readonly #keep: boolean;

  constructor(keep: boolean) {
    this.#keep = keep;
  }

  add(nowMillis: number, who: string, what: string): void {
    this.#count += 1;
    const line = `${nowMillis.toFixed(0)} ${who} ${what}`;
    // cyrb53 (bryc, public domain): 53 bits, fast, and good enough to tell runs apart.
    for (let index = 0; index < line.length; index += 1) {
      const code = line.charCodeAt(index);
      this.#high = Math.imul(this.#high ^ code, 2_654_435_761);
      this.#low = Math.imul(this.#low ^ code, 1_597_334_677);
    }
    if (!this.#keep) return;
    this.#kept.push(line);
    if (this.#kept.length > keptMax) this.#kept.shift();
  }

  /** Hexadecimal; the number of lines is part of it. */
  get hash(): string {
    return `${(this.#high >>> 0).toString(16).padStart(8, '0')}${(this.#low >>> 0).toString(16).padStart(8, '0')}-${this.#count}`;
  }

  get lines(): readonly string[] {
    return this.#kept;
  }
}
