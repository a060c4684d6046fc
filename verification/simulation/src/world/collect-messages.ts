import { commandSchema, replySchema } from '@sagamesh/contracts/messages';
import { streamNames, headerNames } from '@sagamesh/contracts/subjects';
import type { Facts } from '@sagamesh/invariants/facts';
import { z } from 'zod';
import type { SimBus } from '../fakes/bus.ts';
import type { BusRecord } from '../fakes/bus-record.ts';

/** Commands, replies and events as they were published, whatever became of them. */

type Messages = Required<Pick<Facts, 'commands' | 'replies' | 'events' | 'deadLetters'>>;

const eventSchema = z.object({
  eventId: z.string(),
  eventType: z.custom<NonNullable<Facts['events']>[number]['event']['eventType']>(
    (value) => typeof value === 'string',
  ),
  aggregateId: z.string(),
});

export function readMessages(bus: SimBus): Messages {
  return {
    commands: parsed(bus.history(streamNames.commands), commandSchema).map(({ record, value }) => ({
      position: record.atMillis,
      service: record.subject.split('.')[2] ?? '',
      command: value,
    })),
    replies: parsed(bus.history(streamNames.replies), replySchema).map(({ record, value }) => ({
      position: record.atMillis,
      reply: value,
    })),
    events: parsed(bus.history(streamNames.events), eventSchema).map(({ record, value }) => ({
      position: record.atMillis,
      event: value,
    })),
    deadLetters: bus.history(streamNames.deadLetters).map((record) => ({
      service: record.subject.slice('dlq.'.length),
      subject: record.reader.get(headerNames.deadLetterSubject) ?? '',
      body: new TextDecoder().decode(record.bytes),
      reason: record.reader.get(headerNames.deadLetterReason) ?? '',
    })),
  };
}

/** Without what the world itself put in to be unreadable. */
function parsed<T>(records: readonly BusRecord[], schema: z.ZodType<T>) {
  return records
    .filter(({ publisher }) => publisher !== 'world')
    .map((record) => ({ record, value: schema.parse(record.body) }));
}
