import { GroupIndex, MemoryTable, UniqueIndex } from './memory-table.ts';
import {
  changed,
  jsonOf,
  numbersOf,
  oneIf,
  rowsOf,
  textOf,
  textOrNull,
  textsOf,
  type Statement,
  type Storage,
} from './statement.ts';

/** `outbox` and `inbox` (services/kit/src/outbox.ts, outbox-relay.ts, inbox.ts). */

export interface OutboxTableRow {
  readonly seq: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly aggregate_id: string;
  readonly event: unknown;
  readonly correlation_id: string | null;
  readonly traceparent: string | null;
  readonly written_at: Date;
  readonly published_at: Date | null;
  readonly resends: number;
}

export interface InboxTableRow {
  readonly event_id: string;
  readonly handler: string;
  readonly processed_at: Date;
}

interface Envelope {
  readonly eventId: string;
  readonly eventType: string;
  readonly aggregateId: string;
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === 'object' && value !== null && 'eventId' in value && 'aggregateId' in value;
}

const batchMax = 256;
const keptMillis = 7 * 86_400_000;
const waiting = 'waiting';

function createOutbox(storage: Storage) {
  let lastSeq = 0;
  const byEventId = new UniqueIndex<OutboxTableRow>('outbox_event_id_key', (row) => row.event_id);
  const unpublished = new GroupIndex<OutboxTableRow>((row) =>
    row.published_at === null ? waiting : undefined,
  );
  const rows = new MemoryTable<OutboxTableRow>({
    log: storage.log,
    primaryKey: 'outbox_pkey',
    indexes: [byEventId, unpublished],
  });
  const add = (event: unknown, correlationId: string | null, traceparent: string | null) => {
    if (!isEnvelope(event)) throw new TypeError('this is no envelope of an event');
    // Numbers are drawn outside of transactions: a rolled back one leaves a gap.
    lastSeq += 1;
    rows.insert(String(lastSeq), {
      seq: lastSeq,
      event_id: event.eventId,
      event_type: event.eventType,
      aggregate_id: event.aggregateId,
      event,
      correlation_id: correlationId,
      traceparent,
      written_at: storage.now(),
      published_at: null,
      resends: 0,
    });
  };
  return { rows, byEventId, unpublished, add };
}

type Outbox = ReturnType<typeof createOutbox>;

/** What handlers do. */
function writeStatements({ rows, byEventId, add }: Outbox): readonly Statement[] {
  return [
    {
      text: `insert into outbox(event_id, event_type, aggregate_id, event, correlation_id, traceparent)
        select e.event->>'eventId', e.event->>'eventType', e.event->>'aggregateId', e.event, $2, $3
        from jsonb_array_elements($1::jsonb) with ordinality as e(event, position) order by e.position`,
      run: (params) => {
        const events = jsonOf(params, 1);
        if (!Array.isArray(events)) throw new TypeError('$1 is no list of events');
        for (const event of events) add(event, textOrNull(params, 2), textOrNull(params, 3));
        return changed(events.length);
      },
    },
    {
      text: 'update outbox set published_at = null, resends = resends + 1 where event_id = any($1::text[])',
      run: (params) => {
        const keys = textsOf(params, 1).flatMap((eventId) => byEventId.keyOf(eventId) ?? []);
        for (const key of keys) {
          const row = rows.get(key);
          if (row !== undefined) rows.replace(key, { ...row, published_at: null, resends: row.resends + 1 });
        }
        return changed(keys.length);
      },
    },
  ];
}

/** What the relay does. */
function relayStatements(storage: Storage, { rows, unpublished }: Outbox): readonly Statement[] {
  return [
    {
      text: 'update outbox set published_at = now() where seq = any($1::bigint[])',
      run: (params) => {
        let count = 0;
        for (const seq of numbersOf(params, 1)) {
          const row = rows.get(String(seq));
          if (row === undefined) continue;
          rows.replace(String(seq), { ...row, published_at: storage.now() });
          count += 1;
        }
        return changed(count);
      },
    },
    {
      text: `select seq, event_id, event_type, aggregate_id, event, correlation_id, traceparent, resends
        from outbox where published_at is null order by seq limit ${batchMax}`,
      run: () => {
        const inOrder = unpublished.of(waiting).toSorted((a, b) => a.seq - b.seq);
        return rowsOf(inOrder.slice(0, batchMax));
      },
    },
    {
      text: `delete from outbox where published_at < now() - interval '7 days'`,
      run: () => {
        const oldest = storage.now().getTime() - keptMillis;
        const old = [...rows.values()].filter((row) => (row.published_at?.getTime() ?? Infinity) < oldest);
        for (const row of old) rows.delete(String(row.seq));
        return changed(old.length);
      },
    },
  ];
}

export function outboxTable(storage: Storage) {
  const outbox = createOutbox(storage);
  const statements = [...writeStatements(outbox), ...relayStatements(storage, outbox)];
  return { rows: outbox.rows, statements };
}

export function inboxTable(storage: Storage) {
  const rows = new MemoryTable<InboxTableRow>({ log: storage.log, primaryKey: 'inbox_pkey' });
  const statements: readonly Statement[] = [
    {
      text: 'insert into inbox(event_id, handler) values ($1, $2) on conflict do nothing returning 1 as one',
      run: (params) => {
        const [eventId, handler] = [textOf(params, 1), textOf(params, 2)];
        const key = `${eventId}/${handler}`;
        if (rows.get(key) !== undefined) return oneIf(false);
        rows.insert(key, { event_id: eventId, handler, processed_at: storage.now() });
        return oneIf(true);
      },
    },
  ];
  return { rows, statements };
}
