import { domainEventSchema, type DomainEvent, type EventType } from '@sagamesh/contracts/domain-events';
import type { DeadLetterReason } from '@sagamesh/contracts/reasons';
import type { IncomingMessage } from '@sagamesh/runtime/broker';
import { decodeMessage } from '@sagamesh/runtime/dead-letters';
import type { z } from 'zod';
import type { Db, Tx } from './db.ts';
import type { Outbox } from './outbox.ts';
import type { NewEvent } from './step.ts';

/** Reading domain events. Delivery is at least once; the inbox row in the effect's transaction makes the effect happen once. */

export type EventReceipt =
  | { readonly kind: 'processed' | 'duplicate'; readonly event: DomainEvent }
  | { readonly kind: 'unreadable'; readonly reason: DeadLetterReason; readonly message: string };

export interface EventStorage {
  readonly db: Db;
  readonly outbox: Outbox;
}

/** What a service reads; made with `onEvent` or `onEventAtLeastOnce`. */
export interface EventSubscription {
  readonly eventType: EventType;
  /** Where a consumer begins that has to be made. */
  readonly deliver: 'new' | 'all';
  readonly needsDatabase: boolean;
  /** Throws what the handler throws. */
  receive(message: IncomingMessage, storage: EventStorage | undefined): Promise<EventReceipt>;
}

/** TypeScript cannot see through the lookup by `T` that this schema yields `DomainEvent<T>`; for each single event type it can. */
function schemaOf<T extends EventType>(eventType: T): z.ZodType<DomainEvent<T>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above; the schema itself checks every message
  return domainEventSchema(eventType) as unknown as z.ZodType<DomainEvent<T>>;
}

/** Inbox row first, so that a second delivery waits for the first and then finds it taken. */
async function handleOnce<T extends EventType>(
  { db, outbox }: EventStorage,
  event: DomainEvent<T>,
  handle: (tx: Tx, event: DomainEvent<T>) => Promise<readonly NewEvent[] | void>,
): Promise<boolean> {
  return db.tx(async (tx) => {
    const first = await tx.query(
      'insert into inbox(event_id, handler) values ($1, $2) on conflict do nothing returning 1 as one',
      [event.eventId, event.eventType],
    );
    if (first.rowCount === 0) return false;
    const events = await handle(tx, event);
    await outbox.add(tx, events ?? []);
    return true;
  });
}

/**
 * The handler's writes and the inbox row are one transaction; the events that it answers go to the outbox in it. A consumer that has to be
 * made reads everything still stored: what was handled before is found in the inbox.
 */
export function onEvent<T extends EventType>(
  eventType: T,
  handle: (tx: Tx, event: DomainEvent<T>) => Promise<readonly NewEvent[] | void>,
): EventSubscription {
  const schema = schemaOf(eventType);
  return {
    eventType,
    deliver: 'all',
    needsDatabase: true,
    async receive(message, storage) {
      if (storage === undefined) throw new Error(`the handler of ${eventType} needs a database`);
      const decoded = decodeMessage(schema, message);
      if (!decoded.ok) return { kind: 'unreadable', reason: decoded.reason, message: decoded.message };
      const event = decoded.value;
      const first = await handleOnce(storage, event, handle);
      return { kind: first ? 'processed' : 'duplicate', event };
    },
  };
}

/** For a service without a database: the handler may see an event again. A consumer that has to be made reads only what is new. */
export function onEventAtLeastOnce<T extends EventType>(
  eventType: T,
  handle: (event: DomainEvent<T>) => Promise<void>,
): EventSubscription {
  const schema = schemaOf(eventType);
  return {
    eventType,
    deliver: 'new',
    needsDatabase: false,
    async receive(message) {
      const decoded = decodeMessage(schema, message);
      if (!decoded.ok) return { kind: 'unreadable', reason: decoded.reason, message: decoded.message };
      const event = decoded.value;
      await handle(event);
      return { kind: 'processed', event };
    },
  };
}
