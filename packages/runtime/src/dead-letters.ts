import { randomUUID } from 'node:crypto';
import type { DeadLetter } from '@sagamesh/contracts/dead-letter';
import { deadLetterReasons, type DeadLetterReason } from '@sagamesh/contracts/reasons';
import { deadLetterSubject, headerNames, messageBytesMax } from '@sagamesh/contracts/subjects';
import type { z } from 'zod';
import type { Broker } from './broker.ts';
import { pointerOf } from './problem.ts';
import type { HeaderReader } from './trace-context.ts';

/** Reading messages with suspicion, and keeping what cannot be read. */

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: DeadLetterReason; readonly message: string };

/** Headers are one line each; a text of ours may quote the message. */
const headerTextMax = 512;

/** Room for the headers in the server's limit, which counts both. */
const headerRoomBytes = 8_192;
/** nats-server's own default for max_payload. */
const defaultMaxPayloadBytes = 1_048_576;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function parsedJson(body: Uint8Array): { readonly ok: boolean; readonly value?: unknown } {
  try {
    return { ok: true, value: JSON.parse(strictUtf8.decode(body)) };
  } catch {
    return { ok: false };
  }
}

/** The `version` of an envelope, when it has a number there. */
function versionOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !('version' in value)) return undefined;
  return typeof value.version === 'number' ? value.version : undefined;
}

/** The message as `schema` wants it, or why it goes to the dead letters. Never throws. */
export function decodeMessage<S extends z.ZodType>(
  schema: S,
  message: { readonly body: Uint8Array },
): Decoded<z.infer<S>> {
  const { byteLength } = message.body;
  if (byteLength > messageBytesMax) {
    return {
      ok: false,
      reason: deadLetterReasons.Oversized,
      message: `The message has ${byteLength} bytes; at most ${messageBytesMax} are read.`,
    };
  }
  const json = parsedJson(message.body);
  if (!json.ok) {
    return { ok: false, reason: deadLetterReasons.Malformed, message: 'The message is not JSON in UTF-8.' };
  }
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const version = versionOf(json.value);
  if (version !== undefined && parsed.error.issues.some((issue) => issue.path[0] === 'version')) {
    return {
      ok: false,
      reason: deadLetterReasons.UnknownVersion,
      message: `Version ${version} of this message is not known here: update this service, then send the message again.`,
    };
  }
  const shown = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${pointerOf(issue.path) || '(all)'}: ${issue.message}`);
  return {
    ok: false,
    reason: deadLetterReasons.Malformed,
    message: `The message does not fit its schema: ${shown.join('; ')}`,
  };
}

/** Header values may not hold line breaks and should be ASCII (NATS ADR-4). */
function headerText(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, headerTextMax);
}

/**
 * Stores the message among the dead letters; resolves when it is stored, and only then may the original be acknowledged. Throws
 * RetryableError. `headers` are those of the original: its correlation id and trace go along.
 */
export async function sendDeadLetter(
  broker: Broker,
  deadLetter: DeadLetter,
  headers: HeaderReader,
  now: () => Date = () => new Date(),
): Promise<void> {
  const bytesMax = Math.max(0, (broker.maxPayloadBytes?.() ?? defaultMaxPayloadBytes) - headerRoomBytes);
  const { body } = deadLetter;
  const cut = body.byteLength > bytesMax;
  const passedOn = [headerNames.correlationId, headerNames.traceparent].flatMap((name) => {
    const value = headers.get(name);
    return value === undefined ? [] : [[name, headerText(value)] as const];
  });
  await broker.publish({
    subject: deadLetterSubject(deadLetter.service),
    body: cut ? body.subarray(0, bytesMax) : body,
    messageId: `dead-letter/${randomUUID()}`,
    headers: {
      ...Object.fromEntries(passedOn),
      [headerNames.deadLetterReason]: deadLetter.reason,
      [headerNames.deadLetterMessage]: headerText(deadLetter.message),
      [headerNames.deadLetterSubject]: headerText(deadLetter.subject),
      [headerNames.deadLetterAt]: now().toISOString(),
      ...(cut ? { [headerNames.deadLetterOriginalBytes]: String(body.byteLength) } : {}),
    },
  });
}
