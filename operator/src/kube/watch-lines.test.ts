import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLines } from './watch-lines.ts';

async function* inPieces(text: string, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    yield await Promise.resolve(bytes.slice(start, end));
    start = end;
  }
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('readLines', () => {
  test('gives the same lines however the bytes are cut, also inside a character', async () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, cuts) => {
        const text = lines.map((one) => `${one}\n`).join('');
        expect(await collect(readLines(inPieces(text, cuts)))).toEqual(lines);
      }),
    );
  });

  test('a stream that ends inside a line is an error after the whole lines', async () => {
    const seen: string[] = [];
    const reading = (async () => {
      for await (const line of readLines(inPieces('{"a":1}\n{"b":', []))) seen.push(line);
    })();
    await expect(reading).rejects.toMatchObject({ status: 0, reason: 'BrokenAnswer' });
    expect(seen).toEqual(['{"a":1}']);
  });
});
