import { randomUUID } from 'node:crypto';
import { eventVersion, type DomainEvent } from '@sagamesh/contracts/domain-events';
import { currentContext } from '@sagamesh/runtime/correlation';
import type { Tx } from './db.ts';
import type { NewEvent } from './step.ts';

/** Writes domain events in the transaction of the effect that they tell of. Publishing is the relay's work (outbox-relay.ts). */

export interface EventContext {
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

export interface Outbox {
  /** Answers the event ids, in order. The context is that of the work at hand unless given. */
  add(tx: Tx, events: readonly NewEvent[], context?: EventContext): Promise<readonly string[]>;
  /** Publishes these again with their event ids. What is purged (7 days after publishing) stays away. */
  resend(tx: Tx, eventIds: readonly string[]): Promise<void>;
  /** Called after each commit that left something to publish in this process. */
  onWritten(listener: () => void): () => void;
}

export interface OutboxOptions {
  readonly newId?: () => string;
  readonly now?: () => Date;
}

const insertEvents = `
insert into outbox(event_id, event_type, aggregate_id, event, correlation_id, traceparent)
select e.event->>'eventId', e.event->>'eventType', e.event->>'aggregateId', e.event, $2, $3
from jsonb_array_elements($1::jsonb) with ordinality as e(event, position)
order by e.position`;

export function createOutbox(options: OutboxOptions = {}): Outbox {
  const newId = options.newId ?? randomUUID;
  const now = options.now ?? (() => new Date());
  const listeners = new Set<() => void>();
  const written = () => {
    for (const listener of listeners) listener();
  };
  return {
    async add(tx, events, context = currentContext() ?? {}) {
      if (events.length === 0) return [];
      const timestamp = now().toISOString();
      const envelopes = events.map((event): DomainEvent => ({
        eventId: newId(),
        eventType: event.eventType,
        aggregateId: event.aggregateId,
        timestamp,
        version: eventVersion,
        payload: event.payload,
      }));
      const { correlationId = null, traceparent = null } = context;
      await tx.query(insertEvents, [JSON.stringify(envelopes), correlationId, traceparent]);
      tx.afterCommit(written);
      return envelopes.map((envelope) => envelope.eventId);
    },
    async resend(tx, eventIds) {
      await tx.query(
        'update outbox set published_at = null, resends = resends + 1 where event_id = any($1::text[])',
        [eventIds],
      );
      tx.afterCommit(written);
    },
    onWritten(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
