import { connect } from 'nats';
import type { MessageHeaders } from './broker.ts';
import { apiCodeOf, apiCodes } from './nats/api-error.ts';
import { headerReader } from './nats/delivery.ts';

/** What a stream holds right now, for people and checkers. Changes nothing and makes no consumer. */

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: MessageHeaders;
  readonly body: Uint8Array;
}

/** Reading any stream is for people: services may not. */
export interface NatsReader {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Oldest first; empty when there is no such stream. Rejects when there is no server. */
export async function readStoredMessages(
  { url, user, password }: NatsReader,
  stream: string,
): Promise<readonly StoredMessage[]> {
  const connection = await connect({
    servers: url,
    name: 'reader',
    timeout: 5_000,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
  });
  try {
    const jsm = await connection.jetstreamManager({ checkAPI: false });
    const state = await jsm.streams
      .info(stream)
      .then((info) => info.state)
      .catch(missingIsUndefined);
    const messages: StoredMessage[] = [];
    // A stream that never held anything says 0, and there is no such message.
    for (let seq = Math.max(1, state?.first_seq ?? 1); seq <= (state?.last_seq ?? 0); seq += 1) {
      // Deleted or expired in between.
      const stored = await jsm.streams.getMessage(stream, { seq }).catch(missingIsUndefined);
      if (stored === undefined) continue;
      const { subject, header, data } = stored;
      messages.push({ sequence: seq, subject, headers: headerReader(header), body: data });
    }
    return messages;
  } finally {
    await connection.close();
  }
}

function missingIsUndefined(error: unknown): undefined {
  const code = apiCodeOf(error);
  if (code === apiCodes.streamNotFound || code === apiCodes.messageNotFound) return undefined;
  throw error;
}
