import type { ServiceDeps } from '@sagamesh/kit/service';
import type { Passwords } from './passwords.ts';
import { addUser } from './register-user.ts';
import type { Credentials } from './user-requests.ts';
import { findAccount } from './user-store.ts';

/**
 * Makes the first administrator when nobody has the address. An account that is there is left as it is: its password is its owner's, and
 * whoever registered the address before must not become an administrator by that.
 */
export async function ensureFirstAdmin(
  { db, outbox, logger }: Pick<ServiceDeps, 'db' | 'outbox' | 'logger'>,
  passwords: Passwords,
  { email, password }: Credentials,
): Promise<void> {
  const before = await findAccount(db, email);
  if (before === undefined) {
    const passwordHash = await passwords.hash(password);
    const roles = ['admin'];
    const added = await db.tx((tx) =>
      addUser(tx, outbox, { name: 'Administrator', email, passwordHash, roles }),
    );
    if (added !== undefined) logger.info({ userId: added.id }, 'first administrator added');
    // Else another replica was faster.
    return;
  }
  if (before.user.roles.includes('admin')) return;
  logger.warn(
    { userId: before.user.id },
    'the address of the first administrator belongs to a user who is none; nothing was changed',
  );
}
