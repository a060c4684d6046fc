import type { Migration } from '@sagamesh/kit/migrations';

/** The tables of the inventory service. A released migration is never changed: add another. */
export const inventoryMigrations: readonly Migration[] = [
  {
    id: 'inventory-001-stock',
    sql: `
-- Law of conservation, per SKU, at every commit:
--
--   initial + restocked = available + reserved + sold      (all of them >= 0)
--
-- Both sides follow from the movements alone, so a checker needs no trust in this table:
--   available = initial + restocked - reserved + released
--   reserved  = reserved - released - sold    (sums of movements of those kinds)
--   sold      = sold
-- "stock" is the running total that is locked and checked; "movements" is the evidence.
create table stock (
  sku text primary key,
  available bigint not null check (available >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  sold bigint not null default 0 check (sold >= 0),
  updated_at timestamptz not null default now()
);

-- One per saga, for ever. What it holds is in its 'reserved' movements.
create table reservations (
  saga_uid uuid primary key,
  id text not null unique,
  order_id text not null,
  state text not null check (state in ('reserved', 'released', 'sold')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table movements (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('initial', 'restocked', 'reserved', 'released', 'sold')),
  sku text not null references stock (sku),
  quantity bigint not null check (quantity > 0 or (kind = 'initial' and quantity = 0)),
  saga_uid uuid references reservations (saga_uid),
  order_id text,
  at timestamptz not null default now(),
  -- At most one effect of each kind per saga and SKU, whatever the fence believes.
  unique (saga_uid, kind, sku),
  check ((saga_uid is null) = (kind in ('initial', 'restocked'))),
  check ((saga_uid is null) = (order_id is null))
);
create unique index movements_one_initial on movements (sku) where kind = 'initial';
-- A reservation ends once: released or sold, never both.
create unique index movements_one_end on movements (saga_uid, sku) where kind in ('released', 'sold');

create function refuse_ledger_change() returns trigger language plpgsql as $$
begin
  raise exception 'movements is append-only';
end $$;
create trigger movements_append_only before update or delete or truncate on movements
  for each statement execute function refuse_ledger_change();

-- Pieces asked for in orders that came in over HTTP. A view of order.created, no part of the law above; SKUs outside the catalogue count too.
create table demand (
  sku text primary key,
  demanded bigint not null check (demanded >= 0)
);
`,
  },
];
