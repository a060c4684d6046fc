import { headers as natsHeaders, type MsgHdrs, type NatsConnection } from 'nats';
import type { OutgoingMessage } from '../broker.ts';
import { ensureError, RetryableError, TerminalError } from '../errors.ts';
import { streamOfSubject } from '../streams.ts';
import { pause } from '../timing.ts';
import { apiCodes, isNoResponders, isPayloadTooLarge, isPermissionRefused, isTimeout } from './api-error.ts';
import type { NatsLink } from './connection.ts';
import type { StreamKeeper } from './ensure-stream.ts';

/** Publishing until the stream has it, or the time is up. The message id stays the same over all tries, so the broker can drop repeats. */

/** One try. An acknowledgement takes under 1 ms in a quiet system and up to some 100 ms with fsync under load. */
const attemptMillis = 2_000;
const defaultTimeoutMillis = 5_000;
/** Between two tries after a refusal (JetStream starting, leader election). */
const pauseMillis = 100;

type Outcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'again'; readonly cause: Error }
  | { readonly kind: 'noStream'; readonly cause: Error }
  | { readonly kind: 'refused'; readonly cause: Error }
  | { readonly kind: 'never'; readonly cause: Error };

interface PubAck {
  readonly seq?: number;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bodyOf(message: OutgoingMessage): Uint8Array {
  return message.body instanceof Uint8Array ? message.body : encoder.encode(JSON.stringify(message.body));
}

function headersOf(message: OutgoingMessage): MsgHdrs | undefined {
  if (message.messageId === undefined && message.headers === undefined) return undefined;
  const result = natsHeaders();
  for (const [name, value] of Object.entries(message.headers ?? {})) result.set(name, value);
  if (message.messageId !== undefined) result.set('Nats-Msg-Id', message.messageId);
  return result;
}

function outcomeOfAck(data: Uint8Array): Outcome {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server's own answer; every field is checked before use
  const ack = JSON.parse(decoder.decode(data)) as PubAck;
  if (ack.error === undefined) {
    return typeof ack.seq === 'number'
      ? { kind: 'stored' }
      : { kind: 'again', cause: new Error('The answer to a publish is not an acknowledgement') };
  }
  const cause = new Error(`JetStream refused a message: ${ack.error.description ?? ack.error.code}`);
  return { kind: ack.error.err_code === apiCodes.messageExceedsMaximum ? 'never' : 'again', cause };
}

function outcomeOfError(error: unknown): Outcome {
  const cause = ensureError(error);
  if (isPayloadTooLarge(error)) return { kind: 'never', cause };
  if (isPermissionRefused(error)) return { kind: 'refused', cause };
  return { kind: isNoResponders(error) ? 'noStream' : 'again', cause };
}

export type Publish = (
  message: OutgoingMessage,
  options?: { readonly timeoutMillis?: number },
) => Promise<void>;

/** An acknowledgement that was under way when the connection broke never comes: a reconnect ends the wait at once. */
async function attemptOn(
  link: NatsLink,
  connection: NatsConnection,
  message: OutgoingMessage,
  timeoutMillis: number,
): Promise<Outcome> {
  const headers = headersOf(message);
  return new Promise<Outcome>((resolve) => {
    const off = link.onReconnect(() =>
      settle({ kind: 'again', cause: new Error('The connection was lost') }),
    );
    const settle = (outcome: Outcome): void => {
      off();
      resolve(outcome);
    };
    connection
      .request(message.subject, bodyOf(message), { timeout: timeoutMillis, ...(headers && { headers }) })
      .then((answer) => settle(outcomeOfAck(answer.data)))
      .catch((error: unknown) => settle(outcomeOfError(error)));
  });
}

export function createPublisher(link: NatsLink, streams: StreamKeeper): Publish {
  async function makeStream(subject: string): Promise<void> {
    const stream = streamOfSubject(subject);
    if (stream === undefined) throw new TerminalError(`No stream is defined for the subject ${subject}`);
    if (!streams.makes) return pause(pauseMillis);
    // A failure shows at the next try.
    await streams.ensure(stream.name).catch(() => pause(pauseMillis));
  }

  async function untilStored(
    message: OutgoingMessage,
    endsAtMillis: number,
    stop: AbortSignal,
  ): Promise<void> {
    let cause = new Error('There is no connection');
    const connection = await link.connected();
    while (!stop.aborted) {
      const remainingMillis = endsAtMillis - performance.now();
      if (remainingMillis <= 0) break;
      const outcome = await attemptOn(link, connection, message, Math.min(attemptMillis, remainingMillis));
      switch (outcome.kind) {
        case 'stored':
          return;
        case 'never':
          throw new TerminalError(`${message.subject} can never be published: ${outcome.cause.message}`);
        case 'refused':
          // At once: asking again within seconds changes nothing. Not for good: somebody may widen the permissions.
          throw new RetryableError(`NATS does not let this process publish ${message.subject}`, outcome);
        case 'noStream':
          cause = outcome.cause;
          await makeStream(message.subject);
          break;
        case 'again':
          cause = outcome.cause;
          if (!isTimeout(cause)) await pause(Math.min(pauseMillis, remainingMillis));
          break;
      }
    }
    throw new RetryableError(`${message.subject} could not be published in time`, { cause });
  }

  return async (message, options = {}) => {
    const timeoutMillis = options.timeoutMillis ?? defaultTimeoutMillis;
    const stop = new AbortController();
    // The outer timer covers what the tries cannot bound: no connection yet, a stream that takes long to be made.
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        stop.abort();
        reject(new RetryableError(`${message.subject} could not be published in ${timeoutMillis} ms`));
      }, timeoutMillis + 50);
      untilStored(message, performance.now() + timeoutMillis, stop.signal)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  };
}
