import { headerNames } from '@sagamesh/contracts/subjects';
import { headers, type NatsConnection } from 'nats';
import type { StoredMessage } from './stored-messages.ts';

/** Stores copies of these messages as new ones: same bytes and headers, but no id by which the server would drop them. For people and checkers. */
export async function publishCopies(
  connection: NatsConnection,
  messages: readonly StoredMessage[],
): Promise<void> {
  for (const message of messages) {
    const copied = headers();
    for (const name of [headerNames.correlationId, headerNames.traceparent]) {
      const value = message.headers.get(name);
      if (value !== undefined) copied.set(name, value);
    }
    await connection.jetstream().publish(message.subject, message.body, { headers: copied });
  }
}
