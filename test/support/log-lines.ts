import { readFileSync } from 'node:fs';
import { headerNames } from '@sagamesh/contracts/subjects';
import type { StoredMessage } from '@sagamesh/runtime/stored-messages';
import { z } from 'zod';

/** What the processes wrote about an order, and under which correlation id. */

const lineSchema = z.looseObject({ msg: z.string(), correlationId: z.string().nullish() });
export type LogLine = z.infer<typeof lineSchema>;

/** The lines of a log that name one of these ids. */
export function linesAbout(logFile: string, ids: readonly string[]): readonly LogLine[] {
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((text) => ids.some((id) => text.includes(id)))
    .map((text) => lineSchema.parse(JSON.parse(text)));
}

/** The correlation ids of those messages that name one of these ids. */
export function correlationIdsOf(
  messages: readonly StoredMessage[],
  ids: readonly string[],
): readonly (string | undefined)[] {
  return messages
    .filter(({ body }) => {
      const text = Buffer.from(body).toString('utf8');
      return ids.some((id) => text.includes(id));
    })
    .map(({ headers }) => headers.get(headerNames.correlationId));
}
