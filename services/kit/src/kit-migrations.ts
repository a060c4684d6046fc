import type { Migration } from './migrations.ts';

/** The tables of the kit, in every service's database. Applied before the service's own migrations. */

/** One row per (saga, step), never deleted: the record of what happened (docs/architecture.md). */
const fence = `
create table saga_fence(
  saga_uid uuid not null,
  step text not null,
  state text not null,
  -- sha-256 of the request that took the place; null where a COMPENSATE or REVOKE came first
  req_hash text,
  -- {"result": {...}, "reason": "...", "message": "..."}: what the last change answered
  reply jsonb not null default '{}'::jsonb,
  -- the provider's object, for effects outside of this database
  reference text,
  action text not null,
  order_id text not null,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (saga_uid, step),
  constraint saga_fence_state check (state in ('pending', 'executed', 'rejected', 'compensated', 'tombstone')),
  constraint saga_fence_hash check (state = 'tombstone' or req_hash is not null),
  constraint saga_fence_reference check (state <> 'pending' or reference is not null)
);
create index saga_fence_order on saga_fence(order_id);
`;

const outbox = `
create table outbox(
  -- order of writing within one aggregate; between transactions it has gaps, so nothing may remember "the last one"
  seq bigint generated always as identity primary key,
  event_id text not null unique,
  event_type text not null,
  aggregate_id text not null,
  -- the envelope as it is published
  event jsonb not null,
  correlation_id text,
  traceparent text,
  written_at timestamptz not null default now(),
  published_at timestamptz
);
create index outbox_unpublished on outbox(seq) where published_at is null;
create index outbox_published on outbox(published_at) where published_at is not null;
`;

const inbox = `
create table inbox(
  event_id text not null,
  -- a service may handle one event twice under different names
  handler text not null,
  processed_at timestamptz not null default now(),
  primary key (event_id, handler)
);
`;

const idempotencyKey = `
create table idempotency_key(
  scope text not null,
  key text not null,
  body_hash text not null,
  -- null while the first request is in progress
  answer jsonb,
  expires_at timestamptz not null,
  primary key (scope, key)
);
create index idempotency_key_expiry on idempotency_key(expires_at);
`;

const outboxResends = `
-- how often the event was asked to be sent again; part of the message id, or the broker would drop the repeat for two minutes
alter table outbox add column resends int not null default 0;
`;

export const kitMigrations: readonly Migration[] = [
  { id: 'kit-001-fence', sql: fence },
  { id: 'kit-002-outbox', sql: outbox },
  { id: 'kit-003-inbox', sql: inbox },
  { id: 'kit-004-idempotency-key', sql: idempotencyKey },
  { id: 'kit-005-outbox-resends', sql: outboxResends },
];
