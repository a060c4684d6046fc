import { natsConnectOptions } from '@sagamesh/sandbox/nats-users';
import type { NatsLogin } from '@sagamesh/sandbox/nats-users';
import { streamNames } from '@sagamesh/contracts/subjects';
import { publishCopies } from '@sagamesh/runtime/publish-copies';
import type { StoredMessage } from '@sagamesh/runtime/stored-messages';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { connect } from 'nats';
import type { ConsumerInfo, NatsConnection } from 'nats';
import { patienceMillis } from './lab.ts';

/** The broker, seen by a stranger: what is stored, who reads it, and the same messages once more. */

export interface Reader {
  readonly stream: string;
  readonly consumer: string;
  readonly subject: string;
}

export interface Traffic {
  stored(stream: string): Promise<readonly StoredMessage[]>;
  /** Durable consumers of commands and events. */
  readers(): Promise<readonly Reader[]>;
  publishAgain(messages: readonly StoredMessage[]): Promise<void>;
  /** No durable reader of commands and events has anything left to read or to acknowledge. */
  untilAllIsRead(): Promise<void>;
  close(): Promise<void>;
}

const readStreams = [streamNames.commands, streamNames.events];

export async function openTraffic(admin: NatsLogin): Promise<Traffic> {
  const connection = await connect({
    ...natsConnectOptions(admin),
    name: 'checklist',
    timeout: 5_000,
    // The broker is away for a while, for as long as it takes to ask everybody about it.
    maxReconnectAttempts: -1,
  });
  const consumers = () => durableConsumers(connection);
  return {
    stored: (stream) => readStoredMessages(admin, stream),
    readers: async () =>
      (await consumers()).map(({ stream_name, name, config }) => ({
        stream: stream_name,
        consumer: name,
        subject: config.filter_subject ?? '',
      })),
    publishAgain: (messages) => publishCopies(connection, messages),
    untilAllIsRead: () =>
      waitUntil(
        async () =>
          (await consumers()).every(
            ({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0,
          ),
        { timeoutMillis: patienceMillis, intervalMillis: 100, what: 'every message to be dealt with' },
      ),
    close: () => connection.close(),
  };
}

async function durableConsumers(connection: NatsConnection): Promise<readonly ConsumerInfo[]> {
  const manager = await connection.jetstreamManager();
  const found: ConsumerInfo[] = [];
  for (const stream of readStreams) {
    for await (const consumer of manager.consumers.list(stream)) {
      if (consumer.config.durable_name !== undefined) found.push(consumer);
    }
  }
  return found;
}
