import type { Broker, OutgoingMessage } from '@sagamesh/runtime/broker';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { streamOfSubject } from '@sagamesh/runtime/streams';
import type { BusLink } from './bus-link.ts';
import type { Outgoing } from './bus-record.ts';

/** Publishing until the stream has it or the time is up, with one message id over all tries (nats/publish.ts). */

const attemptMillis = 2_000;
/** Between two tries of a process that may not make the stream. */
const pauseMillis = 100;
const defaultTimeoutMillis = 5_000;
/** nats-server's default for max_payload, headers included. */
export const maxPayloadBytes = 1_048_576;

const encoder = new TextEncoder();

function headerBytes(headers: Readonly<Record<string, string>>): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
}

/** Encoded once: every reader gets the same bytes. */
export function outgoingOf({ subject, body, messageId, headers = {} }: OutgoingMessage): Outgoing {
  const isBytes = body instanceof Uint8Array;
  const bytes = isBytes ? body : encoder.encode(JSON.stringify(body));
  if (bytes.byteLength + headerBytes(headers) > maxPayloadBytes) {
    throw new TerminalError(`${subject} can never be published: the message is too large`);
  }
  return { subject, bytes, body: isBytes ? undefined : body, messageId, headers };
}

/**
 * For traces and boundaries: the message id says which step of which saga is meant, and in which direction. Not that of a dead letter: it is
 * random, and traces of one seed must be equal.
 */
function nameOf({ subject, messageId }: Outgoing): string {
  return messageId === undefined || subject.startsWith('dlq.') ? subject : `${subject} ${messageId}`;
}

export function createSimPublisher(link: BusLink): Broker['publish'] {
  const { server, process } = link;
  const { clock } = process;

  /** What the publisher hears of one try. A try whose time is over when its answer comes was one without an answer. */
  async function attempt(outgoing: Outgoing, waitMillis: number): Promise<'stored' | 'noStream' | 'silence'> {
    const beganAtMillis = clock.now();
    const outcome = await process.effect('publish', nameOf(outgoing), () =>
      server.accept(outgoing, process.name),
    );
    const leftMillis = beganAtMillis + waitMillis - clock.now();
    if (leftMillis < 0) return 'silence';
    if (outcome === 'silence') await link.pause(leftMillis);
    return outcome;
  }

  async function makeStream(subject: string): Promise<void> {
    const definition = streamOfSubject(subject);
    if (definition === undefined) throw new TerminalError(`No stream is defined for the subject ${subject}`);
    const made = await link.request(definition.name, () => server.streamFor(definition.name, process));
    if (made === undefined) await link.pause(pauseMillis);
  }

  return async (message, options = {}) => {
    const timeoutMillis = options.timeoutMillis ?? defaultTimeoutMillis;
    const outgoing = outgoingOf(message);
    const endsAtMillis = clock.now() + timeoutMillis;
    for (;;) {
      const remainingMillis = endsAtMillis - clock.now();
      if (remainingMillis <= 0) break;
      const outcome = await attempt(outgoing, Math.min(attemptMillis, remainingMillis));
      if (outcome === 'stored') return;
      if (outcome === 'noStream') await makeStream(message.subject);
    }
    server.sim.count('bus: publish gave up');
    throw new RetryableError(`${message.subject} could not be published in ${timeoutMillis} ms`);
  };
}
