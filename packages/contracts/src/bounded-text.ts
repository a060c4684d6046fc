import { z } from 'zod';

/**
 * Text and small maps of text with the bounds that the API server applies. It counts code points, zod's own `max` counts UTF-16
 * units: with that, an emoji could be let in by admission and then fail to parse here.
 */

export function boundedText(charactersMax: number) {
  return z
    .string()
    .refine((value) => Array.from(value).length <= charactersMax, `at most ${charactersMax} characters`)
    .meta({ maxLength: charactersMax });
}

/** Keys of at most 63 characters, values of at most 256. */
export function boundedTextMap(entriesMax: number) {
  return z
    .record(boundedText(63), boundedText(256))
    .refine((map) => Object.keys(map).length <= entriesMax, `at most ${entriesMax} entries`)
    .meta({ maxProperties: entriesMax });
}

/** Most settings of one step (`with`). */
export const settingsMax = 16;
/** Most results in one reply. */
export const replyResultsMax = 4;
/** Most results of a saga: what the replies of the longest plan can bring, so `status.results` always has room. */
export const resultsMax = 64;
