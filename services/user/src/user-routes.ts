import { publicJwks, type SigningKeys } from '@sagamesh/contracts/signing-keys';
import { callerOf, requireRole } from '@sagamesh/kit/auth';
import { HttpProblem, parseBody, parseQuery } from '@sagamesh/runtime/problem';
import type { IRouter, Request, RequestHandler } from 'express';
import { registerUser, type RegisterUserOptions } from './register-user.ts';
import { issueToken } from './token-issuer.ts';
import { credentialsSchema, listQuerySchema } from './user-requests.ts';
import { findAccount, findUser, listUsers } from './user-store.ts';
import { userView } from './user-view.ts';

/** HTTP of the user service: anybody registers, gets a token and reads the public keys; accounts are for their owner and the role `admin`. */

export interface UserRoutesOptions extends RegisterUserOptions {
  readonly keys: () => Promise<SigningKeys>;
  readonly tokenTtlSeconds: number;
  /** From the kit: refuses with 401, else makes `callerOf` answer. */
  readonly authenticate: RequestHandler;
}

/** A rotation waits for longer than this before it signs with a new key. */
const keysMaxAgeSeconds = 60;

export function addUserRoutes(router: IRouter, options: UserRoutesOptions): void {
  const { db, authenticate } = options;

  router.post('/api/v1/users', async (request: Request, response) => {
    const answer = await registerUser(request, options);
    response.status(answer.status).set(answer.headers).json(answer.body);
  });

  router.post('/api/v1/users/token', async (request: Request, response) => {
    response.json(await signIn(request.body, options));
  });

  router.get('/api/v1/users', authenticate, requireRole('admin'), async (request: Request, response) => {
    const { limit, before } = parseQuery(listQuerySchema, request.query);
    // One more than asked for tells whether there is a next page.
    const found = await listUsers(db, { before: before ?? null, limit: limit + 1 });
    const page = found.slice(0, limit);
    response.json({
      users: page.map(userView),
      nextBefore: found.length > limit ? (page.at(-1)?.number ?? null) : null,
    });
  });

  router.get('/api/v1/users/:id', authenticate, async (request: Request<{ id: string }>, response) => {
    const { customerId, roles } = callerOf(response);
    const { id } = request.params;
    const allowed = customerId === id || roles.includes('admin');
    const user = allowed ? await findUser(db, id) : undefined;
    // A stranger and nobody look alike: ids tell nothing.
    if (user === undefined) throw new HttpProblem({ status: 404, detail: 'There is no such user for you.' });
    response.json(userView(user));
  });

  router.get('/.well-known/jwks.json', async (_request, response) => {
    response
      .set('cache-control', `public, max-age=${keysMaxAgeSeconds}`)
      .json(publicJwks(await options.keys()));
  });
}

/** The same answer after the same work, whether the address is unknown or the password wrong. */
async function signIn(body: unknown, { db, passwords, keys, tokenTtlSeconds }: UserRoutesOptions) {
  const { email, password } = parseBody(credentialsSchema, body);
  const account = await findAccount(db, email);
  const matches = await passwords.matches(password, account?.passwordHash);
  if (account === undefined || !matches) {
    throw new HttpProblem({
      status: 401,
      title: 'The e-mail address or the password is wrong',
      headers: { 'www-authenticate': 'Bearer' },
    });
  }
  const token = await issueToken(await keys(), account.user, tokenTtlSeconds);
  return { token, tokenType: 'Bearer', expiresInSeconds: tokenTtlSeconds, userId: account.user.id };
}
