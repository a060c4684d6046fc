/** What a customer gets to see of the whole system through its gateway: tokens, limits, one id for all that an order causes. */
import { correlationIdAnnotation } from '@sagamesh/contracts/order-saga';
import { headerNames, streamNames } from '@sagamesh/contracts/subjects';
import { rateLimits } from '@sagamesh/gateway/routes';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { envoyForTests } from '@sagamesh/sandbox/envoy-for-tests';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { callers } from './support/bad-tokens.ts';
import { correlationIdsOf, linesAbout } from './support/log-lines.ts';
import type { LogLine } from './support/log-lines.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

const envoy = await envoyForTests('the gateway in front of the whole system');

const processNames = ['order', 'operator', 'inventory', 'payment', 'notification'] as const;

describe.skipIf(envoy === undefined)('the gateway in front of the whole system', () => {
  let system: TestSystem;
  let gatewayUrl: string;
  let customer: { readonly id: string; readonly headers: Readonly<Record<string, string>> };
  let keys = 0;

  beforeAll(async () => {
    system = await startTestSystem({ gateway: 'required' });
    gatewayUrl = system.gateway?.url ?? '';
    customer = await register();
  });

  afterAll(async () => {
    await system?.stop();
  });

  interface Answer {
    readonly status: number;
    readonly headers: Headers;
    readonly body: unknown;
  }

  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${gatewayUrl}${path}`, init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  const postJson = (path: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  function placeOrder(headers: Readonly<Record<string, string>>): Promise<Answer> {
    keys += 1;
    const order = {
      items: [{ sku: 'BULK', quantity: 1 }],
      paymentMethod: 'pm_card_visa',
      contact: { email: 'ida@example.org', phone: '+49 151 000' },
    };
    return postJson('/api/v1/orders', order, { 'idempotency-key': `"through-${keys}"`, ...headers });
  }

  async function register() {
    const account = { email: 'ida@example.org', password: 'a long enough password' };
    const key = { 'idempotency-key': '"ida"' };
    expect(await postJson('/api/v1/users', { name: 'Ida', ...account }, key)).toMatchObject({ status: 201 });
    const signedIn = await postJson('/api/v1/users/token', account);
    const { token, userId } = z.object({ token: z.string(), userId: z.string() }).parse(signedIn.body);
    return { id: userId, headers: { authorization: `Bearer ${token}` } };
  }

  const idOf = ({ body }: Answer) => z.object({ id: z.string() }).parse(body).id;

  it('lets a customer register, sign in, order, and see the own order confirmed', async () => {
    const placed = await placeOrder(customer.headers);
    expect(placed.status).toBe(201);
    const id = idOf(placed);
    const saga = await system.waitForOutcome(id, 'Completed');
    expect(saga.spec.order.customerId).toBe(customer.id);
    const seen = await ask(`/api/v1/orders/${id}`, { headers: customer.headers });
    expect([seen.status, seen.body]).toMatchObject([200, { id, state: 'CONFIRMED' }]);
  });

  it.each(['nobody', 'expired', 'forger', 'garbage'] as const)('refuses %s with a problem', async (who) => {
    const answer = await placeOrder((await callers(system))[who]);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ status: 401, title: 'Unauthorized' });
  });

  it('opens nothing but the API', async () => {
    for (const path of ['/', '/metrics', '/health', '/api/v1/payments']) {
      expect({ path, status: (await ask(path, { headers: customer.headers })).status }).toEqual({
        path,
        status: 404,
      });
    }
  });

  describe.each([
    { who: 'the customer', given: 'shop-window-0815' },
    { who: 'the gateway', given: undefined },
  ])('a correlation id made by $who', ({ given }) => {
    let orderId: string;
    let sagaUid: string;
    let correlationId: string;

    beforeAll(async () => {
      const headers = given === undefined ? {} : { [headerNames.correlationId]: given };
      const placed = await placeOrder({ ...customer.headers, ...headers });
      correlationId = placed.headers.get(headerNames.correlationId) ?? 'none';
      orderId = idOf(placed);
      sagaUid = (await system.waitForOutcome(orderId, 'Completed')).metadata.uid;
    });

    const linesOf = (name: (typeof processNames)[number]): readonly LogLine[] =>
      linesAbout(system.process(name).spec.logFile, [orderId, sagaUid]);

    it('comes back to the customer', () => {
      expect(correlationId).toMatch(given ?? /^[0-9a-f-]{36}$/);
    });

    it('stands in the annotation of the OrderSaga', async () => {
      const { metadata } = await system.getSaga(orderId);
      expect(metadata.annotations[correlationIdAnnotation]).toBe(correlationId);
    });

    it('stands in what the gateway logs of the request', async () => {
      const logFile = system.gateway?.process.spec.logFile ?? '';
      const isLogged = () => linesAbout(logFile, [correlationId]).length > 0;
      // Envoy keeps its lines back for a moment.
      await waitUntil(isLogged, { timeoutMillis: patienceMillis, what: 'the line of the gateway' });
      expect(linesAbout(logFile, [correlationId])).toMatchObject([
        { name: 'gateway', route: 'orders-write', status: 201, correlationId },
      ]);
    });

    it.each([streamNames.commands, streamNames.replies, streamNames.events])(
      'travels with every message of %s about the order',
      async (stream) => {
        const messages = await readStoredMessages(system.nats.admin, stream);
        const ids = correlationIdsOf(messages, [orderId, sagaUid]);
        expect(ids.length).toBeGreaterThanOrEqual(4);
        expect(new Set(ids)).toEqual(new Set([correlationId]));
      },
    );

    it.each(processNames)('stands in every line that %s logs about the order', async (name) => {
      const isLogged = () => linesOf(name).length > 0;
      await waitUntil(isLogged, { timeoutMillis: patienceMillis, what: `a line of ${name}` });
      for (const line of linesOf(name)) expect(line).toMatchObject({ correlationId });
    });
  });

  it('serves 100 order requests at once and tells the others to wait, while users are served; a POST makes one order', async () => {
    const mine = await ownOrders();
    const burst = rateLimits.orders.requestsPerMinute + 40;
    const answers = await Promise.all(
      Array.from({ length: burst }, (_, index) =>
        index % 10 === 0
          ? placeOrder(customer.headers)
          : ask('/api/v1/orders?limit=1', { headers: customer.headers }),
      ),
    );
    const users = await ask(`/api/v1/users/${customer.id}`, { headers: customer.headers });
    const refused = answers.filter(({ status }) => status === 429);
    const made = answers.filter(({ status }) => status === 201);
    expect(users.status).toBe(200);
    expect(answers.length - refused.length).toBeGreaterThan(50);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers, body } of refused) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(headers.get('content-type')).toBe('application/problem+json');
      expect(body).toMatchObject({ status: 429, title: 'Too Many Requests' });
    }
    expect((await ownOrders()).length - mine.length).toBe(made.length);
  });

  /** Past the gateway, whose bucket is empty by now. */
  async function ownOrders(): Promise<readonly unknown[]> {
    const response = await fetch(`${system.url('order')}/api/v1/orders?limit=100`, {
      headers: customer.headers,
    });
    return z.object({ orders: z.array(z.unknown()) }).parse(await response.json()).orders;
  }
});
