import type { DeadLetterReason } from './reasons.ts';

/**
 * A message that could not be read or acted upon. On the wire (`dlq.<service>`) the body is the original message's bytes, unchanged, and
 * everything below travels in `x-dead-letter-*` headers (subjects.ts); so nothing is lost and a repaired message can be sent again.
 */
export interface DeadLetter {
  readonly service: string;
  readonly reason: DeadLetterReason;
  /** What is wrong and what to do, for people. */
  readonly message: string;
  /** The subject on which the message was found. */
  readonly subject: string;
  readonly body: Uint8Array;
}
