/**
 * The language that SagaMesh's parts share. This file: the names of streams, subjects and headers.
 * Everything else that spells a subject by hand is a defect.
 */

export const streamNames = {
  commands: 'SAGA_COMMANDS',
  replies: 'SAGA_REPLIES',
  events: 'DOMAIN_EVENTS',
  deadLetters: 'DEAD_LETTERS',
} as const;

/** EXECUTE and REVOKE travel on the step's execute action, COMPENSATE on its compensate action. */
export function commandSubject(service: string, action: string): string {
  return `saga.cmd.${service}.${action}`;
}

export function replySubject(service: string): string {
  return `saga.reply.${service}`;
}

/** `eventType` is `<aggregate>.<type>`, e.g. `order.created`. */
export function eventSubject(eventType: string): string {
  return `events.${eventType}`;
}

export function deadLetterSubject(service: string): string {
  return `dlq.${service}`;
}

/** The durable pull consumer of one service for one subject: names may not contain dots (NATS). */
export function commandConsumerName(service: string, action: string): string {
  return `${service}-${action}`;
}

/** The durable consumer of one service for one event type. */
export function eventConsumerName(service: string, eventType: string): string {
  return `${service}-${eventType.replaceAll('.', '-')}`;
}

/** The operator's own reader of `order.created`. */
export const intakeConsumerName = 'operator-intake';

/** The key-value bucket of a service's cache, and the stream that JetStream keeps it in. */
export function cacheBucket(service: string): string {
  return `cache-${service}`;
}

export function cacheStream(service: string): string {
  return `KV_${cacheBucket(service)}`;
}

/** Where answers to a process go: a prefix of its own, so that permissions can keep others from reading them. */
export function inboxPrefixOf(client: string): string {
  return `_INBOX_${client.replaceAll(/[^A-Za-z0-9-]/g, '-')}`;
}

export const headerNames = {
  correlationId: 'x-correlation-id',
  traceparent: 'traceparent',
  deadLetterReason: 'x-dead-letter-reason',
  deadLetterMessage: 'x-dead-letter-message',
  deadLetterSubject: 'x-dead-letter-subject',
  deadLetterAt: 'x-dead-letter-at',
  /** Present when the original was too large to keep whole: its size in bytes. */
  deadLetterOriginalBytes: 'x-dead-letter-original-bytes',
} as const;

/** Largest body that a service or the operator reads, in bytes. A full OrderSaga (32 KiB by its own bounds) fits twice. */
export const messageBytesMax = 65_536;
