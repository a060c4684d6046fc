import type { MessageHeaders } from '@sagamesh/runtime/broker';

/** One message as a stream has it, for ever in the history. */

/**
 * `stored`: readers get it (until it is older than the stream keeps). `lost`: acknowledged and gone before anybody read it. `undone`: the end
 * of the stream was lost, or an older copy put back. `deleted`: with its stream.
 */
export type Fate = 'stored' | 'lost' | 'undone' | 'deleted';

/** What a publisher hands in, encoded once. */
export interface Outgoing {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** The value that was encoded; undefined when it came as bytes. */
  readonly body: object | undefined;
  readonly messageId: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface BusRecord extends Outgoing {
  readonly stream: string;
  /** Number of the stream's life: 1, and one more each time it had to be made again. */
  readonly incarnation: number;
  readonly sequence: number;
  /** Virtual milliseconds since the start. */
  readonly atMillis: number;
  /** Name of the process, or `world`. */
  readonly publisher: string;
  readonly reader: MessageHeaders;
  fate: Fate;
}

const messageIdHeader = 'Nats-Msg-Id';

/** As the real adapter reads them: names in any case, an empty value is none. */
export function headerReader({ headers, messageId }: Outgoing): MessageHeaders {
  return {
    get(name) {
      const value = headers[name] ?? otherCase(headers, name, messageId);
      return value === '' ? undefined : value;
    },
  };
}

function otherCase(
  headers: Readonly<Record<string, string>>,
  name: string,
  messageId: string | undefined,
): string | undefined {
  const wanted = name.toLowerCase();
  if (wanted === messageIdHeader.toLowerCase()) return messageId;
  for (const [key, value] of Object.entries(headers)) if (key.toLowerCase() === wanted) return value;
  return undefined;
}

/** Whether a subject is one of the filter's: exact, or with `*` for one token and `>` for the rest. */
export function subjectFilter(filter: string): (subject: string) => boolean {
  if (!filter.includes('*') && !filter.includes('>')) return (subject) => subject === filter;
  const wanted = filter.split('.');
  const isRest = wanted.at(-1) === '>';
  return (subject) => {
    const tokens = subject.split('.');
    if (isRest ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
    return wanted.every(
      (token, index) => token === '*' || token === tokens[index] || (isRest && index === wanted.length - 1),
    );
  };
}
