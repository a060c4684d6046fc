import { Match, type Msg, type MsgHdrs, type NatsConnection } from 'nats';
import type { IncomingMessage, MessageHeaders } from '../broker.ts';

/** A message as JetStream delivers it: what it is, and how it is acknowledged (ADR-13 of NATS: on the reply subject). */

export interface Delivery {
  readonly message: IncomingMessage;
  /** Number of this delivery in its consumer, from 1, without gaps. */
  readonly consumerSequence: number;
  ack(): void;
  /** Deliver again, not before the delay. 0 = at once. */
  retry(delayMillis: number): void;
  /** Still at it: starts ack_wait anew. */
  working(): void;
}

export interface DeliveryInfo {
  readonly deliveryCount: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, or since ADR-15 with `<domain>.<account>` before
 * the stream and perhaps more behind. undefined = not from JetStream.
 */
export function parseAckSubject(reply: string | undefined): DeliveryInfo | undefined {
  const tokens = reply?.split('.') ?? [];
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  const at = tokens.length === 9 ? 4 : 6;
  return {
    deliveryCount: Number(tokens[at]),
    streamSequence: Number(tokens[at + 1]),
    consumerSequence: Number(tokens[at + 2]),
  };
}

/** Status messages of the server have no body and a numeric code; ordinary messages have code 0. */
export function statusCodeOf(message: Msg): number {
  return message.data.length === 0 ? (message.headers?.code ?? 0) : 0;
}

/** The client answers '' for a header that is not there. Other clients may write names in other case. */
export function headerReader(given: MsgHdrs | undefined): MessageHeaders {
  return {
    get(name) {
      if (given === undefined) return undefined;
      const value = given.get(name) || given.get(name, Match.IgnoreCase);
      return value === '' ? undefined : value;
    },
  };
}

const encoder = new TextEncoder();
const ackBody = encoder.encode('+ACK');
const workingBody = encoder.encode('+WPI');
const nanosPerMilli = 1_000_000;

export function deliveryOf(connection: NatsConnection, received: Msg): Delivery | undefined {
  const info = parseAckSubject(received.reply);
  if (info === undefined) return undefined;
  const send = (body: Uint8Array): void => {
    // After a close there is nobody to tell; the message will be delivered again.
    if (!connection.isClosed()) connection.publish(received.reply ?? '', body);
  };
  return {
    message: {
      subject: received.subject,
      body: received.data,
      headers: headerReader(received.headers),
      deliveryCount: info.deliveryCount,
      streamSequence: info.streamSequence,
    },
    consumerSequence: info.consumerSequence,
    ack: () => send(ackBody),
    retry: (delayMillis) =>
      send(encoder.encode(`-NAK {"delay": ${Math.round(delayMillis * nanosPerMilli)}}`)),
    working: () => send(workingBody),
  };
}
