/** A customer from the registration to a paid order, and the keys exchanged under a running system. Everything over HTTP. */
import { readFileSync } from 'node:fs';
import { orderSchema } from '@sagamesh/contracts/order';
import { addNextKey, promoteNextKey, signingKeyOf } from '@sagamesh/contracts/signing-keys';
import { newSigningKey } from '@sagamesh/sandbox/new-signing-key';
import { sandboxAdmin } from '@sagamesh/sandbox/system/process-catalog';
import type { ServiceName } from '@sagamesh/sandbox/system/process-catalog';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { storedTraffic } from './support/stored-traffic.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startTestSystem();
});

afterAll(async () => {
  await system?.stop();
});

const heloise = { name: 'Heloise', email: 'heloise@example.org', password: 'seven words about nothing' };
const abelard = { name: 'Abelard', email: 'abelard@example.org', password: 'sic et non, yes and no' };
type Person = Pick<typeof heloise, 'email' | 'password'>;

interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a foreign client reads; every use compares it with toMatchObject
  readonly body: any;
}

interface Call {
  readonly token?: string;
  readonly body?: object;
  readonly key?: string;
}

async function call(service: ServiceName, path: string, { token, body, key }: Call = {}): Promise<Answer> {
  const response = await fetch(system.url(service) + path, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
  });
  return { status: response.status, body: await response.json() };
}

const register = (person: object, key: string) => call('user', '/api/v1/users', { body: person, key });

async function tokenOf({ email, password }: Person): Promise<string> {
  const { body } = await call('user', '/api/v1/users/token', { body: { email, password } });
  return z.object({ token: z.string() }).parse(body).token;
}

const kidOf = (token: string) => decodeProtectedHeader(token).kid;

describe('a customer', () => {
  let heloiseId: string;
  let orderId: string;

  it('registers, and nobody registers twice', async () => {
    const first = await register(heloise, 'heloise-1');
    expect(first).toMatchObject({ status: 201, body: { email: heloise.email } });
    heloiseId = first.body.id;
    expect(await register(heloise, 'heloise-1')).toEqual(first);
    expect(await register(heloise, 'heloise-2')).toMatchObject({ status: 409 });
    expect(await register(abelard, 'abelard-1')).toMatchObject({ status: 201 });
  });

  it('orders with the token that the password brings, and the order is theirs to its end', async () => {
    const token = await tokenOf(heloise);
    const body = { items: [{ sku: 'BULK', quantity: 1 }], paymentMethod: 'pm_card_visa' };
    const placed = await call('order', '/api/v1/orders', { token, body, key: 'order-1' });
    expect(placed).toMatchObject({ status: 201, body: { customerId: heloiseId } });
    orderId = placed.body.id;
    const saga = await system.waitForOutcome(orderId, 'Completed');
    expect(saga.spec.order.customerId).toBe(heloiseId);
    expect(orderSchema.shape.customerId.parse(heloiseId)).toBe(heloiseId);
    const isConfirmed = async () =>
      (await call('order', `/api/v1/orders/${orderId}`, { token })).body.state === 'CONFIRMED';
    await waitUntil(isConfirmed, { timeoutMillis: patienceMillis, what: 'the order to be confirmed' });
  });

  it('sees nobody else’s order, account or money', async () => {
    const token = await tokenOf(abelard);
    expect(await call('order', `/api/v1/orders/${orderId}`, { token })).toMatchObject({ status: 404 });
    expect((await call('order', '/api/v1/orders', { token })).body).toMatchObject({ orders: [] });
    expect(await call('user', `/api/v1/users/${heloiseId}`, { token })).toMatchObject({ status: 404 });
    expect(await call('user', '/api/v1/users', { token })).toMatchObject({ status: 403 });
    expect(await call('payment', `/api/v1/payments/${orderId}`, { token })).toMatchObject({ status: 403 });
  });

  it('is seen by the administrator, who also reads the payment', async () => {
    const token = await tokenOf(sandboxAdmin);
    const { users } = (await call('user', '/api/v1/users', { token })).body;
    expect(users.map(({ email }: Person) => email)).toEqual([
      abelard.email,
      heloise.email,
      sandboxAdmin.email,
    ]);
    expect((await call('payment', `/api/v1/payments/${orderId}`, { token })).body).toMatchObject({
      payments: [{ status: 'captured' }],
    });
  });

  it('is announced by id alone, and no log knows the address or the password', async () => {
    const traffic = storedTraffic(system.nats.admin);
    await traffic.untilEvent('user.registered', heloiseId);
    const events = await traffic.everything('DOMAIN_EVENTS');
    const texts = events.map(({ body }) => Buffer.from(body).toString('utf8'));
    expect(texts.filter((text) => text.includes('user.registered')).length).toBeGreaterThanOrEqual(3);
    for (const text of texts) expect(text).not.toMatch(/heloise@|seven words|scrypt/);
    const log = readFileSync(system.process('user').spec.logFile, 'utf8');
    expect(log).toContain('/api/v1/users/token');
    for (const secret of [heloise.email, heloise.password, sandboxAdmin.password, 'scrypt$', '"d":'])
      expect(log).not.toContain(secret);
  });

  it('is known by a token of the sandbox’s own signer as well: both sign with the same keys', async () => {
    const token = await system.tokens.token({ customerId: heloiseId });
    expect(await call('user', `/api/v1/users/${heloiseId}`, { token })).toMatchObject({ status: 200 });
  });
});

describe('a rotation of the keys', () => {
  it('changes what new tokens are signed with, and no token that is out becomes worthless', async () => {
    const { tokens } = system;
    const readers = ['order', 'inventory', 'payment', 'user'] as const;
    const paths = {
      order: '/api/v1/orders',
      inventory: '/api/v1/inventory-ledger',
      payment: '/api/v1/payments/no-such-order',
      user: '/api/v1/users',
    } as const;
    const statuses = (token: string) =>
      Promise.all(readers.map(async (service) => (await call(service, paths[service], { token })).status));
    const good = [200, 200, 404, 200];

    const before = await tokenOf(sandboxAdmin);
    const oldKid = signingKeyOf(tokens.keys()).kid;
    expect(kidOf(before)).toBe(oldKid);
    expect(await statuses(before)).toEqual(good);

    tokens.store(addNextKey(tokens.keys(), newSigningKey(Date.now())));
    const nextKid = tokens.keys().keys.at(-1)?.kid;
    const published = async () => {
      const { keys } = (await call('user', '/.well-known/jwks.json')).body;
      return keys.map(({ kid }: { readonly kid: string }) => kid);
    };
    await waitUntil(async () => (await published()).includes(nextKid), {
      timeoutMillis: patienceMillis,
      what: 'the next key to be published',
    });
    expect(await published()).toEqual([oldKid, nextKid]);
    expect(kidOf(await tokenOf(sandboxAdmin))).toBe(oldKid);

    tokens.store(promoteNextKey(tokens.keys(), Date.now()));
    await waitUntil(async () => kidOf(await tokenOf(sandboxAdmin)) === nextKid, {
      timeoutMillis: patienceMillis,
      what: 'a token that is signed with the new key',
    });
    const after = await tokenOf(sandboxAdmin);
    // A service looks at its file once a second at most: the new key may have to be waited for, never the old one.
    await waitUntil(async () => (await statuses(after)).join() === good.join(), {
      timeoutMillis: patienceMillis,
      what: 'every service to accept the new key',
    });
    expect(await statuses(before)).toEqual(good);
    expect(kidOf(await tokens.token({ customerId: 'ada' }))).toBe(nextKid);
  });
});
