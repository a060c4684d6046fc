import type { Tx } from '@sagamesh/kit/db';
import { z } from 'zod';

/** The SQL of users. Every function runs in the caller's transaction. */

export interface User {
  /** Ascending in the order of registration; the cursor of the list. */
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly createdAt: Date;
}

export interface NewUser {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly roles: readonly string[];
}

const userRowSchema = z.object({
  number: z.int(),
  id: z.string(),
  name: z.string(),
  email: z.string(),
  roles: z.array(z.string()),
  created_at: z.date(),
});
const userColumns = 'number, id, name, email, roles, created_at';

function userFromRow(row: object): User {
  const { created_at: createdAt, ...rest } = userRowSchema.parse(row);
  return { ...rest, createdAt };
}

/** Undefined when the address is taken. */
export async function insertUser(tx: Tx, user: NewUser): Promise<User | undefined> {
  const { rows } = await tx.query(
    `insert into users (id, name, email, password_hash, roles)
     values ($1, $2, $3, $4, array(select jsonb_array_elements_text($5::jsonb)))
     on conflict (email) do nothing
     returning ${userColumns}`,
    [user.id, user.name, user.email, user.passwordHash, JSON.stringify(user.roles)],
  );
  return rows[0] === undefined ? undefined : userFromRow(rows[0]);
}

export async function findUser(tx: Tx, id: string): Promise<User | undefined> {
  const { rows } = await tx.query(`select ${userColumns} from users where id = $1`, [id]);
  return rows[0] === undefined ? undefined : userFromRow(rows[0]);
}

export interface Account {
  readonly user: User;
  readonly passwordHash: string;
}

const accountRowSchema = z.object({ password_hash: z.string() });

/** The only function that reads a password's hash. */
export async function findAccount(tx: Tx, email: string): Promise<Account | undefined> {
  const { rows } = await tx.query(`select ${userColumns}, password_hash from users where email = $1`, [
    email,
  ]);
  const row = rows[0];
  if (row === undefined) return undefined;
  return { user: userFromRow(row), passwordHash: accountRowSchema.parse(row).password_hash };
}

export interface UserPage {
  /** Users with a smaller number than this, newest first; null: from the newest. */
  readonly before: number | null;
  readonly limit: number;
}

export async function listUsers(tx: Tx, { before, limit }: UserPage): Promise<readonly User[]> {
  const { rows } = await tx.query(
    `select ${userColumns} from users where ($1::bigint is null or number < $1) order by number desc limit $2`,
    [before, limit],
  );
  return rows.map(userFromRow);
}
