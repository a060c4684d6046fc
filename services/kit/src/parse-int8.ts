import { TerminalError } from '@sagamesh/runtime/errors';

/** int8 as a number, on both engines: money and counters fit; what does not fit must not be rounded in silence. */
export function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new TerminalError(`int8 value ${text} does not fit a number`);
  return value;
}
