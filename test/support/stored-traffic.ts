import type { EventType } from '@sagamesh/contracts/domain-events';
import { commandSchema, replySchema } from '@sagamesh/contracts/messages';
import type { Command, Direction, Reply } from '@sagamesh/contracts/messages';
import { eventSubject, streamNames } from '@sagamesh/contracts/subjects';
import { publishCopies } from '@sagamesh/runtime/publish-copies';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import type { StoredMessage } from '@sagamesh/runtime/stored-messages';
import { natsConnectOptions } from '@sagamesh/sandbox/nats-users';
import type { NatsLogin } from '@sagamesh/sandbox/nats-users';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { connect } from 'nats';
import type { JetStreamManager, NatsConnection } from 'nats';
import { z } from 'zod';

/** What the streams hold of one saga, and the damage that a test does to them: both from outside, with the plain client. */
export interface StoredTraffic {
  commands(sagaUid: string, step: string, direction: Direction): Promise<readonly Command[]>;
  replies(sagaUid: string, step: string, direction: Direction): Promise<readonly Reply[]>;
  events(type: EventType, aggregateId: string): Promise<readonly StoredEvent[]>;
  untilCommand(sagaUid: string, step: string, direction?: Direction, count?: number): Promise<void>;
  untilReply(sagaUid: string, step: string, direction?: Direction): Promise<void>;
  untilEvent(type: EventType, aggregateId: string): Promise<void>;
  deleteStream(stream: string): Promise<void>;
  /** Removes the messages of one subject and leaves stream and consumers as they are. */
  purge(stream: string, subject: string): Promise<void>;
  deleteConsumer(stream: string, consumer: string): Promise<void>;
  /** Stores copies of these messages as new ones: same bytes and headers, but no id by which the server would drop them. */
  publishAgain(messages: readonly StoredMessage[]): Promise<void>;
  everything(stream: string): Promise<readonly StoredMessage[]>;
}

const eventSchema = z.object({ eventId: z.string(), aggregateId: z.string() });
export type StoredEvent = z.infer<typeof eventSchema>;

const decoder = new TextDecoder();
const timeoutMillis = 90_000;
const intervalMillis = 100;

export function storedTraffic(admin: NatsLogin): StoredTraffic {
  const everything = (stream: string) => readStoredMessages(admin, stream);
  const json = ({ body }: StoredMessage): unknown => JSON.parse(decoder.decode(body));
  const readable = async <T>(
    stream: string,
    parse: (body: unknown) => { readonly data?: T },
  ): Promise<readonly T[]> =>
    (await everything(stream)).flatMap((message) => {
      const { data } = parse(json(message));
      return data === undefined ? [] : [data];
    });
  const traffic: StoredTraffic = {
    everything,
    async commands(sagaUid, step, direction) {
      const all = await readable(streamNames.commands, (body) => commandSchema.safeParse(body));
      return all.filter((one) => isOf(one, sagaUid, step, direction));
    },
    async replies(sagaUid, step, direction) {
      const all = await readable(streamNames.replies, (body) => replySchema.safeParse(body));
      return all.filter((one) => isOf(one, sagaUid, step, direction));
    },
    async events(type, aggregateId) {
      const stored = await everything(streamNames.events);
      return stored
        .filter(({ subject }) => subject === eventSubject(type))
        .map((message) => eventSchema.parse(json(message)))
        .filter((event) => event.aggregateId === aggregateId);
    },
    untilCommand: (sagaUid, step, direction = 'execute', count = 1) =>
      waitUntil(async () => (await traffic.commands(sagaUid, step, direction)).length >= count, {
        timeoutMillis,
        intervalMillis,
        what: `${count} command(s) ${step}/${direction} to be stored`,
      }),
    untilReply: (sagaUid, step, direction = 'execute') =>
      waitUntil(async () => (await traffic.replies(sagaUid, step, direction)).length > 0, {
        timeoutMillis,
        intervalMillis,
        what: `a reply to ${step}/${direction} to be stored`,
      }),
    untilEvent: (type, aggregateId) =>
      waitUntil(async () => (await traffic.events(type, aggregateId)).length > 0, {
        timeoutMillis,
        intervalMillis,
        what: `${type} of ${aggregateId} to be stored`,
      }),
    deleteStream: (stream) => manage(admin, async (jsm) => void (await jsm.streams.delete(stream))),
    purge: (stream, subject) =>
      manage(admin, async (jsm) => void (await jsm.streams.purge(stream, { filter: subject }))),
    deleteConsumer: (stream, consumer) =>
      manage(admin, async (jsm) => void (await jsm.consumers.delete(stream, consumer))),
    publishAgain: (messages) => withConnection(admin, (connection) => publishCopies(connection, messages)),
  };
  return traffic;
}

function isOf(
  one: Pick<Command, 'sagaUid' | 'step' | 'direction'>,
  sagaUid: string,
  step: string,
  direction: Direction,
): boolean {
  return one.sagaUid === sagaUid && one.step === step && one.direction === direction;
}

function manage(login: NatsLogin, act: (jsm: JetStreamManager) => Promise<void>): Promise<void> {
  return withConnection(login, async (connection) => act(await connection.jetstreamManager()));
}

async function withConnection(
  login: NatsLogin,
  act: (connection: NatsConnection) => Promise<void>,
): Promise<void> {
  const connection = await connect({ ...natsConnectOptions(login), name: 'test', timeout: 5_000 });
  try {
    await act(connection);
  } finally {
    await connection.close();
  }
}
