import { streamNames } from '@sagamesh/contracts/subjects';

/**
 * The one set of stream definitions. Limits retention and discard old: a full stream drops its oldest messages and never refuses a new
 * one. Work-queue retention is out: after a restart it forgets the ids of consumed messages and stores repeats, as measured on nats-server 2.10.14.
 */

export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeMillis: number;
  /** The server reserves this much of its store for each stream: together 2 GiB. */
  readonly maxBytes: number;
}

const minuteMillis = 60_000;
const hourMillis = 60 * minuteMillis;
const dayMillis = 24 * hourMillis;
const mebibyte = 1024 * 1024;

export const streamDefinitions: readonly StreamDefinition[] = [
  {
    name: streamNames.commands,
    subjects: ['saga.cmd.>'],
    maxAgeMillis: hourMillis,
    maxBytes: 512 * mebibyte,
  },
  {
    name: streamNames.replies,
    subjects: ['saga.reply.>'],
    maxAgeMillis: 10 * minuteMillis,
    maxBytes: 256 * mebibyte,
  },
  {
    name: streamNames.events,
    subjects: ['events.>'],
    maxAgeMillis: 7 * dayMillis,
    maxBytes: 1024 * mebibyte,
  },
  {
    name: streamNames.deadLetters,
    subjects: ['dlq.>'],
    maxAgeMillis: 30 * dayMillis,
    maxBytes: 256 * mebibyte,
  },
];

/** Window in which the broker drops a repeated Nats-Msg-Id. 2 min is also the server's own default. */
export const duplicateWindowMillis = 2 * minuteMillis;

/** Every subject pattern above is `<prefix>.>`. */
function owns(definition: StreamDefinition, subject: string): boolean {
  return definition.subjects.some((pattern) => subject.startsWith(pattern.slice(0, -1)));
}

export function streamOfSubject(subject: string): StreamDefinition | undefined {
  return streamDefinitions.find((definition) => owns(definition, subject));
}

export function streamOfName(name: string): StreamDefinition | undefined {
  return streamDefinitions.find((definition) => definition.name === name);
}
