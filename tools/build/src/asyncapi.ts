import { orderSagaVersion } from '@sagamesh/contracts/order-saga';
import {
  commandSubject,
  deadLetterSubject,
  eventSubject,
  replySubject,
  streamNames,
} from '@sagamesh/contracts/subjects';
import { eventTypes, messageSchemas } from './message-schemas.ts';

/** The AsyncAPI 3.0 document: what a service receives and sends when it serves steps of a saga. */

const anyService = { service: { description: 'The name of the service, as in spec.steps[].service.' } };

export function asyncApi(): object {
  const schemas = Object.fromEntries(messageSchemas().map(({ name, schema }) => [name, inline(schema)]));
  const messages = Object.fromEntries(
    messageSchemas().map(({ name, title }) => [
      name,
      {
        name,
        title,
        contentType: 'application/json',
        headers: { $ref: '#/components/schemas/headers' },
        payload: { $ref: `#/components/schemas/${name}` },
      },
    ]),
  );
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'SagaMesh messages',
      version: orderSagaVersion,
      description:
        'What travels over NATS JetStream between the operator and the services. Delivery may lose, duplicate, delay and reorder: every reader is idempotent.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: { ...sagaChannels(), ...eventChannels() },
    operations: operations(),
    components: { messages, schemas: { ...schemas, headers: headerSchema } },
  };
}

const headerSchema = {
  type: 'object',
  properties: {
    'x-correlation-id': {
      type: 'string',
      description: 'Follows one order through logs, messages and events.',
    },
    traceparent: { type: 'string', description: 'W3C trace context.' },
  },
};

function sagaChannels() {
  return {
    commands: {
      address: commandSubject('{service}', '{action}'),
      description:
        'EXECUTE and REVOKE travel on the execute action of the step, COMPENSATE on its compensate action.',
      parameters: { ...anyService, action: { description: 'The execute or compensate action of the step.' } },
      messages: { command: messageRef('command') },
      'x-nats': { stream: streamNames.commands },
    },
    replies: {
      address: replySubject('{service}'),
      parameters: anyService,
      messages: { reply: messageRef('reply') },
      'x-nats': { stream: streamNames.replies },
    },
    deadLetters: {
      address: deadLetterSubject('{service}'),
      description:
        'A message that could not be read: its bytes unchanged, the facts in x-dead-letter-* headers.',
      parameters: anyService,
      messages: { deadLetter: { contentType: 'application/octet-stream', payload: {} } },
      'x-nats': { stream: streamNames.deadLetters },
    },
  };
}

function eventChannels() {
  return Object.fromEntries(
    eventTypes.map((type) => [
      channelName(type),
      {
        address: eventSubject(type),
        messages: { [channelName(type)]: messageRef(type) },
        'x-nats': { stream: streamNames.events },
      },
    ]),
  );
}

function operations() {
  const publications = eventTypes.map((type) => [
    `publish-${channelName(type)}`,
    {
      action: 'send',
      channel: { $ref: `#/channels/${channelName(type)}` },
      summary: `Says that ${type} happened, written in the transaction of the effect.`,
    },
  ]);
  return {
    serveStep: {
      action: 'receive',
      channel: { $ref: '#/channels/commands' },
      summary: 'Executes, undoes or revokes one step, at most once each, and answers.',
      reply: { channel: { $ref: '#/channels/replies' } },
    },
    buryMessage: {
      action: 'send',
      channel: { $ref: '#/channels/deadLetters' },
      summary: 'Keeps a message that cannot be read before it is terminated.',
    },
    ...Object.fromEntries(publications),
  };
}

/** Keys of AsyncAPI maps may not hold dots in every tool, so `order.created` is the channel `order-created`. */
function channelName(eventType: string): string {
  return eventType.replace('.', '-');
}

function messageRef(name: string) {
  return { $ref: `#/components/messages/${name}` };
}

/** Inside the document a schema has no identity of its own, or its references would be looked up elsewhere. */
function inline(schema: Readonly<Record<string, unknown>>) {
  const { $schema: _dialect, $id: _id, title: _title, ...rest } = schema;
  return rest;
}
