/** One open watch of the fake API server and the ways to break it. */
import type { ApiError } from '../api-error.ts';
import type { FakeEvent } from './fake-objects.ts';
import { type Place, noAnswer, statusText, textOf } from './fake-server.ts';

const encoder = new TextEncoder();

export class FakeWatch {
  readonly #place: Place;
  readonly #onClosed: () => void;
  readonly #waiting: Uint8Array[] = [];
  #end: { readonly error?: ApiError } | undefined;
  #isSilent = false;
  #wake: () => void = () => undefined;

  constructor(place: Place, onClosed: () => void, signal: AbortSignal) {
    this.#place = place;
    this.#onClosed = onClosed;
    signal.addEventListener('abort', () => this.cut('Aborted'));
  }

  isAbout(event: FakeEvent): boolean {
    const { collection, namespace } = this.#place;
    if (event.collection !== collection) return false;
    return namespace === undefined || namespace === textOf(event.object.metadata, 'namespace');
  }

  deliver(event: FakeEvent): void {
    if (this.isAbout(event)) this.send(event.line);
  }

  bookmark(version: number): void {
    this.send(bookmarkLine(version));
  }

  sendError(status: number, reason: string): void {
    this.sendLine({ type: 'ERROR', object: JSON.parse(statusText(status, reason)) });
  }

  sendLine(value: unknown): void {
    this.sendText(`${JSON.stringify(value)}\n`);
  }

  sendText(text: string): void {
    this.send(encoder.encode(text));
  }

  send(bytes: Uint8Array): void {
    if (this.#isSilent) return;
    this.#waiting.push(bytes);
    this.#wake();
  }

  /** From now on nothing arrives, and nobody says so. */
  blackHole(): void {
    this.#isSilent = true;
  }

  /** A proper end, as after timeoutSeconds. */
  end(): void {
    this.#close({});
  }

  cut(reason: 'Unreachable' | 'Aborted' = 'Unreachable'): void {
    this.#close({ error: noAnswer(reason) });
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #close(end: { readonly error?: ApiError }): void {
    this.#end ??= end;
    this.#onClosed();
    this.#wake();
  }
}

export function bookmarkLine(version: number): Uint8Array {
  return encoder.encode(
    `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"${String(version)}"}}}\n`,
  );
}
