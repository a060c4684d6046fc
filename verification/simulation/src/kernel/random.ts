/** Randomness that a seed decides completely. Forks are independent: what one draws does not move what another will draw. */

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    [this.#a, this.#b, this.#c] = wordsOf(String(seed));
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** In [0, 1). Generator sfc32 (C. Doty-Humphrey, PractRand). */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }

  #word(): number {
    return Math.floor(this.next() * 2 ** 32);
  }

  /** A UUID of version 4. */
  uuid(): string {
    const [a, b, c, d] = [this.#word(), this.#word(), this.#word(), this.#word()];
    const version = ((b & 0x0fff) | 0x4000).toString(16);
    const variant = ((c >>> 16) & 0x3fff) | 0x8000;
    return `${hex8(a)}-${hex8(b).slice(0, 4)}-${version}-${variant.toString(16)}-${hex8(c).slice(4)}${hex8(d)}`;
  }
}

function hex8(word: number): string {
  return word.toString(16).padStart(8, '0');
}

/** Three 32-bit words from a text (FNV-1a with three offsets). */
function wordsOf(text: string): [number, number, number] {
  const words: [number, number, number] = [0x811c9dc5, 0x1b873593, 0xcc9e2d51];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    words[0] = Math.imul(words[0] ^ code, 0x01000193);
    words[1] = Math.imul(words[1] ^ (code + 17), 0x01000193);
    words[2] = Math.imul(words[2] ^ (code + 31), 0x01000193);
  }
  return words;
}
