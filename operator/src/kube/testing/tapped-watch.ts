/** One open watch with a hand on the wire: lines can be held back, lost, replaced or added, and the connection can end in every way. */
import { ApiError } from '../api-error.ts';
import { readLines } from '../watch-lines.ts';

/** What becomes of one line: it passes, is lost, or the connection is cut before, inside or after it. */
export type LineFate = 'pass' | 'drop' | 'cutBefore' | 'cutInside' | 'cutAfter';

export class TappedWatch {
  readonly #waiting: string[] = [];
  readonly #held: string[] = [];
  readonly #fate: (line: string) => LineFate;
  readonly #onClosed: () => void;
  #isHeld = false;
  #isSilent = false;
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(fate: (line: string) => LineFate, onClosed: () => void) {
    this.#fate = fate;
    this.#onClosed = onClosed;
  }

  /** Passes on what the real watch says until either side is at its end. Never rejects. */
  async follow(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const line of readLines(chunks)) this.#carry(line);
      this.end();
    } catch (error) {
      this.#close({ error });
    }
  }

  /** Something that the server never said. */
  inject(text: string): void {
    if (this.#isSilent) return;
    this.#waiting.push(text);
    this.#wake();
  }

  injectError(code: number, reason: string): void {
    this.inject(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, reason } })}\n`);
  }

  /** Lines wait until release(). */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const text of this.#held.splice(0)) this.inject(text);
  }

  /** From now on nothing arrives, and nobody says so. */
  blackHole(): void {
    this.#isSilent = true;
  }

  /** A proper end, as after timeoutSeconds. */
  end(): void {
    this.#close({});
  }

  cut(error: unknown = lost()): void {
    this.#close({ error });
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder();
    for (;;) {
      const text = this.#waiting.shift();
      if (text !== undefined) yield encoder.encode(text);
      else if (this.#end !== undefined && 'error' in this.#end) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #carry(line: string): void {
    const fate = this.#end === undefined ? this.#fate(line) : 'drop';
    if (fate === 'cutBefore') return this.cut();
    if (fate === 'drop') return;
    const text = fate === 'cutInside' ? line.slice(0, line.length / 2) : `${line}\n`;
    if (this.#isHeld) this.#held.push(text);
    else this.inject(text);
    if (fate === 'cutInside') this.end();
    if (fate === 'cutAfter') this.cut();
  }

  #close(end: { readonly error?: unknown }): void {
    // A connection that nobody hears of any more ends only when the client gives up.
    if (this.#isSilent && !(end.error instanceof ApiError && end.error.reason === 'Aborted')) return;
    this.#end ??= end;
    this.#onClosed();
    this.#wake();
  }
}

export function lost(reason: 'Unreachable' | 'Aborted' = 'Unreachable'): ApiError {
  return new ApiError({ status: 0, reason, message: reason });
}
