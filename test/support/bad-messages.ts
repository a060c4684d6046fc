import type { EventType } from '@sagamesh/contracts/domain-events';
import { eventVersion } from '@sagamesh/contracts/domain-events';
import { messageVersion } from '@sagamesh/contracts/messages';
import type { Command, Reply } from '@sagamesh/contracts/messages';
import type { DeadLetterReason } from '@sagamesh/contracts/reasons';
import { commandSubject, eventSubject, messageBytesMax, replySubject } from '@sagamesh/contracts/subjects';

/** One message of every unreadable kind for every subject that somebody reads, with what must become of it. Data only. */
export interface BadMessage {
  readonly subject: string;
  /** What is wrong with it, for the reader of a failed test. */
  readonly title: string;
  readonly body: Uint8Array;
  readonly reason: DeadLetterReason;
  /** Who reads the subject: each of them buries its own copy. */
  readonly readers: readonly string[];
}

const sagaUid = '00000000-0000-4000-8000-00000000bad0';

const order = {
  id: 'never-made',
  customerId: 'mallory',
  currency: 'EUR',
  items: [{ sku: 'BULK', quantity: 1, unitPriceCents: 100 }],
  paymentMethod: 'pm_card_visa',
};

interface ReadSubject {
  readonly subject: string;
  readonly readers: readonly string[];
  /** A message that would be read if it were not for what is done to it. */
  readonly good: object;
}

const actions = {
  order: ['create', 'cancel', 'confirm', 'refuse'],
  inventory: ['reserve', 'release', 'settle'],
  payment: ['charge', 'refund'],
} as const;
const undo: ReadonlySet<string> = new Set(['cancel', 'release', 'refund']);

function goodCommand(action: string): Command {
  return {
    version: messageVersion,
    commandId: `bad/${action}`,
    sagaUid,
    orderId: order.id,
    step: 'bad',
    action,
    direction: undo.has(action) ? 'compensate' : 'execute',
    attempt: 1,
    deadline: '2030-01-01T00:00:00.000Z',
    order,
    with: {},
    results: {},
  };
}

const commandSubjects: readonly ReadSubject[] = Object.entries(actions).flatMap(([service, names]) =>
  names.map((action) => ({
    subject: commandSubject(service, action),
    readers: [service],
    good: goodCommand(action),
  })),
);

const goodReply: Reply = {
  version: messageVersion,
  commandId: 'bad/reply',
  sagaUid,
  step: 'bad',
  direction: 'execute',
  outcome: 'Executed',
  result: {},
  reason: '',
  message: '',
};

const replySubjects: readonly ReadSubject[] = ['order', 'inventory', 'payment', 'somebody-else'].map(
  (service) => ({ subject: replySubject(service), readers: ['operator'], good: goodReply }),
);

const about = { orderId: order.id, sagaUid };
const money = { amountCents: 100, currency: 'EUR' };

/** The event types that somebody reads; what nobody reads stays in its stream. */
const events: readonly (readonly [EventType, readonly string[], object])[] = [
  ['order.created', ['inventory', 'operator'], { order, totalCents: 100 }],
  ['order.confirmed', ['notification'], { ...about, ...money, customerId: 'mallory' }],
  ['order.cancelled', ['notification'], { ...about, customerId: 'mallory', reason: 'none' }],
  ['payment.refunded', ['notification'], { ...about, ...money, paymentId: 'pi_1', customerId: 'mallory' }],
];

const eventSubjects: readonly ReadSubject[] = events.map(([eventType, readers, payload]) => ({
  subject: eventSubject(eventType),
  readers,
  good: {
    eventId: `bad-${eventType}`,
    eventType,
    aggregateId: order.id,
    timestamp: '2026-01-01T00:00:00.000Z',
    version: eventVersion,
    payload,
  },
}));

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const json = (value: object): Uint8Array => text(JSON.stringify(value));

function unreadable({ subject, readers, good }: ReadSubject): readonly BadMessage[] {
  const bad = (title: string, reason: DeadLetterReason, body: Uint8Array): BadMessage => ({
    subject,
    readers,
    title,
    reason,
    body,
  });
  // Unknown keys are ignored, so only its size is wrong with this one.
  const padding = 'x'.repeat(messageBytesMax);
  return [
    bad('is no JSON', 'Malformed', text('{"version": 1, ')),
    bad('is no UTF-8', 'Malformed', Uint8Array.of(0x22, 0xff, 0xfe, 0x22)),
    bad('is empty', 'Malformed', new Uint8Array()),
    bad('has no fields', 'Malformed', json({ version: 1 })),
    bad('is a list', 'Malformed', json([good])),
    bad('is too large', 'Oversized', json({ ...good, padding })),
    bad('is of a later version', 'UnknownVersion', json({ ...good, version: 2 })),
  ];
}

/** Readable, but not what this subject is for. */
const misplaced: readonly BadMessage[] = commandSubjects.flatMap(({ subject, readers, good }) => [
  {
    subject,
    readers,
    title: 'is for another action',
    reason: 'UnknownAction' as const,
    body: json({ ...good, action: 'explode' }),
  },
  {
    subject,
    readers,
    title: 'goes in a direction that the action has not',
    reason: 'UnknownAction' as const,
    body: json({ ...good, direction: undo.has(subject.split('.').at(-1) ?? '') ? 'execute' : 'compensate' }),
  },
]);

export const badMessages: readonly BadMessage[] = [
  ...[...commandSubjects, ...replySubjects, ...eventSubjects].flatMap(unreadable),
  ...misplaced,
];
