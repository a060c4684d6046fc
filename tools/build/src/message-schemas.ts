import { z } from 'zod';
import { commandSchema, replySchema } from '@sagamesh/contracts/messages';
import { domainEventSchema, eventPayloadSchemas, type EventType } from '@sagamesh/contracts/domain-events';

/** JSON Schema of every message that crosses a process, as a sender must write it. Readers ignore keys they do not know. */

export interface MessageSchema {
  /** `command`, `reply`, or the event type. */
  readonly name: string;
  readonly title: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

export const eventTypes = Object.keys(eventPayloadSchemas).filter(isEventType);

export function messageSchemas(): readonly MessageSchema[] {
  return [
    describe('command', 'A command from the operator to a service', commandSchema),
    describe('reply', 'The answer of a service to a command', replySchema),
    ...eventTypes.map((type) => describe(type, `The domain event ${type}`, domainEventSchema(type))),
  ];
}

function describe(name: string, title: string, source: z.ZodType): MessageSchema {
  const { $schema, ...schema } = z.toJSONSchema(source, { io: 'input' });
  return { name, title, schema: { $schema, $id: `urn:sagamesh:schema:${name}:v1`, title, ...schema } };
}

function isEventType(name: string): name is EventType {
  return Object.hasOwn(eventPayloadSchemas, name);
}
