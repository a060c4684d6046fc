import { brokenBodies } from './bad-requests.ts';
import type { BadRequest } from './bad-requests.ts';

/** Requests to the user service that must be refused. Data only. */

const usersPath = '/api/v1/users';
const person = { name: 'Mallory', email: 'mallory@example.org', password: 'twelve letters or more' };
const credentials = { email: person.email, password: person.password };

type Short = Omit<BadRequest, 'service' | 'method' | 'path'>;
const post =
  (path: string) =>
  (request: Short): BadRequest => ({ service: 'user', method: 'POST', path, as: 'nobody', ...request });
const register = post(usersPath);
const signIn = post(`${usersPath}/token`);
const get = (path: string, status: number, more: Partial<BadRequest> = {}): BadRequest => ({
  title: `read by ${more.as ?? 'a customer'}`,
  service: 'user',
  method: 'GET',
  path,
  status,
  ...more,
});

const wrongPeople: readonly (readonly [string, object, string])[] = [
  ['no name', { ...credentials }, '/name'],
  ['a name of two lines', { ...person, name: 'Mal\nlory' }, '/name'],
  ['a name with a character that no database has', { ...person, name: 'Mal\u0000lory' }, '/name'],
  ['an address that is none', { ...person, email: 'mallory' }, '/email'],
  ['an address in letters that look like others', { ...person, email: 'm\u0430llory@example.org' }, '/email'],
  ['an address that is a list', { ...person, email: [person.email] }, '/email'],
  ['a short password', { ...person, password: 'mallory' }, '/password'],
  ['a password that nobody can type', { ...person, password: 'x'.repeat(10_000) }, '/password'],
  ['a password that is a number', { ...person, password: 123_456_789_012 }, '/password'],
  ['a role of the own choice', { ...person, roles: ['admin'] }, ''],
  ['an id of the own choice', { ...person, id: 'root' }, ''],
];

export const badAccountRequests: readonly BadRequest[] = [
  ...brokenBodies(register),
  ...brokenBodies(signIn),
  ...wrongPeople.map(([title, body, pointer]) => register({ title, body, status: 422, pointers: [pointer] })),
  register({
    title: 'no idempotency key',
    body: person,
    headers: { 'idempotency-key': '' },
    status: 400,
  }),
  signIn({ title: 'nobody’s credentials', body: credentials, status: 401 }),
  signIn({ title: 'an injection', body: { ...credentials, email: `'or'1'='1@x` }, status: 401 }),
  signIn({ title: 'credentials without a password', body: { email: person.email }, status: 422 }),
  ...(['nobody', 'forger', 'expired', 'garbage'] as const).flatMap((as) => [
    get(usersPath, 401, { as }),
    get(`${usersPath}/root`, 401, { as }),
  ]),
  get(usersPath, 403),
  get(`${usersPath}?limit=many`, 400, { as: 'admin', pointers: ['/limit'] }),
  get(`${usersPath}?before=-1`, 400, { as: 'admin', pointers: ['/before'] }),
  get(`${usersPath}/usr-somebody-else`, 404),
  get(`${usersPath}/no%00body`, 400, { as: 'admin' }),
  { ...get(usersPath, 405), title: 'DELETE of all accounts', method: 'DELETE' },
  {
    ...get('/.well-known/jwks.json', 405),
    title: 'keys of the own choice',
    method: 'PUT',
    body: { keys: [] },
  },
];
