import type { Migration } from '@sagamesh/kit/migrations';

/** The tables of the user service. A released migration is never changed: add another. */
export const userMigrations: readonly Migration[] = [
  {
    id: 'user-001-users',
    sql: `
create table users (
  number bigint generated always as identity unique,
  -- The subject of tokens and the customer id of orders: given once, never to anybody else.
  id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'),
  name text not null,
  email text not null unique check (email = lower(email)),
  -- With its salt and its parameters; never the password.
  password_hash text not null check (password_hash like '$scrypt$%'),
  roles text[] not null default '{}',
  created_at timestamptz not null default now()
);
`,
  },
];
