import type { Migration } from '@sagamesh/kit/migrations';

/** Schema of the payment service: what was paid, and every movement of money, once and for ever. */
export const paymentMigrations: readonly Migration[] = [
  {
    id: 'payment-001-payments',
    sql: `
      create table payments (
        payment_id text primary key,
        saga_uid uuid not null,
        step text not null,
        order_id text not null,
        amount_cents bigint not null check (amount_cents > 0),
        currency text not null check (currency ~ '^[A-Z]{3}$'),
        status text not null check (status in ('captured', 'declined', 'refunded', 'cancelled')),
        reason text not null default '',
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        unique (saga_uid, step)
      );
      create index payments_order on payments (order_id);

      create table payment_ledger (
        entry bigint generated always as identity primary key,
        saga_uid uuid not null,
        step text not null,
        order_id text not null,
        payment_id text not null references payments (payment_id),
        kind text not null check (kind in ('captured', 'refunded')),
        amount_cents bigint not null check (amount_cents > 0),
        currency text not null,
        at timestamptz not null default now(),
        unique (saga_uid, step, kind)
      );
      create index payment_ledger_order on payment_ledger (order_id);

      create function payment_ledger_is_append_only() returns trigger language plpgsql as $$
      begin
        raise exception 'the payment ledger is append-only';
      end $$;
      create trigger payment_ledger_append_only before update or delete on payment_ledger
        for each row execute function payment_ledger_is_append_only();
    `,
  },
];
