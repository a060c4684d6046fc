import type { Migration } from '@sagamesh/kit/migrations';

/** The tables of the order service. A released migration is never changed: add another. */
export const orderMigrations: readonly Migration[] = [
  {
    id: 'order-001-orders',
    sql: `
create table price_list (
  sku text primary key,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  unit_price_cents bigint not null check (unit_price_cents > 0)
);

-- PENDING -> CONFIRMED | CANCELLED, and never back. "saga_uid" is the claim: taken once, never given back, never changed.
create table orders (
  number bigint generated always as identity unique,
  id text primary key,
  customer_id text not null,
  currency text not null,
  items jsonb not null,
  payment_method text not null,
  contact jsonb,
  total_cents bigint not null check (total_cents > 0),
  state text not null check (state in ('PENDING', 'CONFIRMED', 'CANCELLED')),
  saga_uid uuid,
  -- The eventId of this order's order.created; null when a saga made the order.
  source_event_id text unique,
  cancel_reason text,
  -- When order.created is said again (unclaimed PENDING orders only), and how often that has happened.
  announce_at timestamptz,
  announcements integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (state <> 'CONFIRMED' or saga_uid is not null),
  check ((state = 'CANCELLED') = (cancel_reason is not null)),
  check (announce_at is null or (state = 'PENDING' and saga_uid is null))
);
create index orders_of_customer on orders (customer_id, number desc);
create index orders_to_announce on orders (announce_at) where announce_at is not null;

-- The last fence: whatever the code believes, an ended order stays as it is and a claim is never changed.
create function guard_order() returns trigger language plpgsql as $$
begin
  if old.state <> 'PENDING' and new.state <> old.state then
    raise exception 'order % has ended as % and cannot become %', old.id, old.state, new.state;
  end if;
  if old.saga_uid is not null and new.saga_uid is distinct from old.saga_uid then
    raise exception 'order % is claimed by saga %', old.id, old.saga_uid;
  end if;
  return new;
end $$;
create trigger orders_guard before update on orders for each row execute function guard_order();
`,
  },
];
