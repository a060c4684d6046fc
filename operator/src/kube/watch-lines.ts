/** Cuts a byte stream into lines. A stream that ends inside a line was cut off: that is an error, never a short line. */
import { ApiError } from './api-error.ts';

/** Above the API server's own limit for one object (3 MB request body), with room for escaping. */
const lineCharactersMax = 16 * 1024 * 1024;

export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = rest + text.slice(start, end);
      rest = '';
      start = end + 1;
      if (line !== '') yield line;
    }
    rest += text.slice(start);
    if (rest.length > lineCharactersMax) throw broken('a watch line is too long');
  }
  if (rest.trim() !== '') throw broken('the watch ended inside a line');
}

function broken(message: string): ApiError {
  return new ApiError({ status: 0, reason: 'BrokenAnswer', message });
}
