import { signingKeysSchema, type SigningKeys } from '@sagamesh/contracts/signing-keys';
import { rereadFile } from '@sagamesh/kit/reread-file';
import { HttpProblem } from '@sagamesh/runtime/problem';
import type { Logger } from '@sagamesh/runtime/logger';

/** The keys of SIGNING_KEYS_FILE as it is now. Rejects with 503 when there never were any. */
export function signingKeysFromFile(file: string, logger: Logger): () => Promise<SigningKeys> {
  const current = rereadFile(file, {
    parse: parseKeys,
    onError: (thrown) =>
      logger.error({ err: thrown }, 'the signing keys cannot be read; the ones before stay'),
  });
  return async () => {
    try {
      return await current();
    } catch (thrown) {
      throw new HttpProblem(
        {
          status: 503,
          detail: 'There are no keys to sign with at the moment.',
          headers: { 'retry-after': '5' },
        },
        { cause: thrown },
      );
    }
  };
}

function parseKeys(text: string): SigningKeys {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes what it refuses, and this is a file of secrets.
    throw new Error('the file of signing keys is not JSON');
  }
  return signingKeysSchema.parse(json);
}
