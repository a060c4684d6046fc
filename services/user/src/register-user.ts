import { randomUUID } from 'node:crypto';
import type { Db, Tx } from '@sagamesh/kit/db';
import { idempotent, type IdempotentAnswer, type IdempotentRequest } from '@sagamesh/kit/idempotency-key';
import type { Outbox } from '@sagamesh/kit/outbox';
import { HttpProblem, parseBody } from '@sagamesh/runtime/problem';
import type { Passwords } from './passwords.ts';
import { registrationSchema, type Registration } from './user-requests.ts';
import { findAccount, insertUser, type NewUser, type User } from './user-store.ts';
import { userView } from './user-view.ts';

export interface RegisterUserOptions {
  readonly db: Db;
  readonly outbox: Outbox;
  readonly passwords: Passwords;
}

/** The row and `user.registered`, which says who but nothing about the person. Undefined when the address is taken. */
export async function addUser(tx: Tx, outbox: Outbox, user: Omit<NewUser, 'id'>): Promise<User | undefined> {
  // Fits `customerId` of an order: the subject of this user's tokens becomes one.
  const id = `usr-${randomUUID()}`;
  const added = await insertUser(tx, { ...user, id });
  if (added === undefined) return undefined;
  await outbox.add(tx, [{ eventType: 'user.registered', aggregateId: id, payload: { userId: id } }]);
  return added;
}

/** `POST /api/v1/users` without the server around it: one account per e-mail address. Throws HttpProblem. */
export async function registerUser(
  request: IdempotentRequest,
  options: RegisterUserOptions,
): Promise<IdempotentAnswer> {
  const { db, outbox, passwords } = options;
  const registration = parseBody(registrationSchema, request.body);
  const { name, email, password } = registration;
  // Before the transaction: it takes a fifth of a second at best, and a connection is not to wait for that.
  const passwordHash = await passwords.hash(password);
  // Nobody is signed in yet: the address stands for the caller.
  const answer = await idempotent(db, withoutPassword(request, registration), email, async (tx) => {
    const user = await addUser(tx, outbox, { name, email, passwordHash, roles: [] });
    if (user === undefined) {
      throw new HttpProblem({
        status: 409,
        title: 'This e-mail address is taken',
        detail: 'There is an account with this address: get a token with its password.',
      });
    }
    return { status: 201, body: userView(user), headers: { location: `/api/v1/users/${user.id}` } };
  });
  if (answer.replayed) await insistOnSamePassword(registration, options);
  return answer;
}

/** What is kept of a request is a fast hash of its body: with the password in it, that would be a password to guess at leisure. */
function withoutPassword(request: IdempotentRequest, { name, email }: Registration): IdempotentRequest {
  return {
    method: request.method,
    baseUrl: request.baseUrl,
    path: request.path,
    body: { name, email },
    header: (header) => request.header(header),
  };
}

/** So the password of a repeated request is compared with the account's: another one was not set, and must not look as if it were. */
async function insistOnSamePassword(
  { email, password }: Registration,
  { db, passwords }: RegisterUserOptions,
): Promise<void> {
  const account = await findAccount(db, email);
  if (await passwords.matches(password, account?.passwordHash)) return;
  throw new HttpProblem({
    status: 422,
    title: 'This Idempotency-Key was used with another request',
    detail: 'Use a new key for a new request; repeat a request with the same body only.',
  });
}
