import type { User } from './user-store.ts';

/** A user as HTTP shows one: nothing of the password. */
export function userView({ id, name, email, roles, createdAt }: User) {
  return { id, name, email, roles, createdAt: createdAt.toISOString() };
}
