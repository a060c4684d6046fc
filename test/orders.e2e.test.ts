/** An order as a customer places it over HTTP, followed through every part to its end. On the whole system. */
import { readFileSync } from 'node:fs';
import { correlationIdAnnotation } from '@sagamesh/contracts/order-saga';
import { headerNames, streamNames } from '@sagamesh/contracts/subjects';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { serviceNames } from '@sagamesh/sandbox/system/process-catalog';
import type { ProcessName } from '@sagamesh/sandbox/system/process-catalog';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { booksOf, imbalances } from './support/balance.ts';
import { linesAbout } from './support/log-lines.ts';
import { sagaManifest } from './support/saga-manifest.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startTestSystem();
});

afterAll(async () => {
  await system?.stop();
});

const orderSchema = z.object({
  id: z.string(),
  state: z.string(),
  totalCents: z.int(),
  cancelReason: z.string().optional(),
});
type OrderView = z.infer<typeof orderSchema>;

interface Posted {
  readonly status: number;
  readonly location: string | null;
  readonly correlationId: string | null;
  readonly order: OrderView;
}

interface PostOptions {
  readonly key: string;
  readonly email?: string;
  readonly phone?: string;
  readonly paymentMethod?: string;
  readonly correlationId?: string;
}

const bearer = async () => ({
  authorization: `Bearer ${await system.tokens.token({ customerId: 'grace' })}`,
});

async function post(options: PostOptions): Promise<Posted> {
  const { key, email, phone, correlationId, paymentMethod = 'pm_card_visa' } = options;
  const contact = { ...(email ? { email } : {}), ...(phone ? { phone } : {}) };
  const response = await fetch(`${system.url('order')}/api/v1/orders`, {
    method: 'POST',
    headers: {
      ...(await bearer()),
      'content-type': 'application/json',
      'idempotency-key': `"${key}"`,
      ...(correlationId ? { [headerNames.correlationId]: correlationId } : {}),
    },
    body: JSON.stringify({ items: [{ sku: 'BULK', quantity: 3 }], paymentMethod, contact }),
  });
  return {
    status: response.status,
    location: response.headers.get('location'),
    correlationId: response.headers.get(headerNames.correlationId),
    order: orderSchema.parse(await response.json()),
  };
}

async function getOrder(id: string): Promise<OrderView> {
  const response = await fetch(`${system.url('order')}/api/v1/orders/${id}`, { headers: await bearer() });
  return orderSchema.parse(await response.json());
}

const mailsSchema = z.array(
  z.object({ to: z.array(z.string()), subject: z.string(), text: z.string(), messageId: z.string() }),
);
const mailsTo = async (email: string) =>
  mailsSchema
    .parse(await (await fetch(`${system.url('smtp-sink')}/mails`)).json())
    .filter(({ to }) => to.includes(email));

const consumersSchema = z.object({
  account_details: z.array(
    z.object({
      stream_detail: z.array(
        z.object({
          consumer_detail: z
            .array(z.object({ name: z.string(), num_pending: z.int(), num_ack_pending: z.int() }))
            .default([]),
        }),
      ),
    }),
  ),
});

/** Resolves when the broker says that no durable reader has anything left to read or to acknowledge. */
async function untilAllIsRead(): Promise<void> {
  const isRead = async () => {
    const answer = await fetch(`${system.nats.monitorUrl}/jsz?accounts=true&streams=true&consumers=true`);
    const { account_details } = consumersSchema.parse(await answer.json());
    const consumers = account_details.flatMap(({ stream_detail }) =>
      stream_detail.flatMap(({ consumer_detail }) => consumer_detail),
    );
    const named = consumers.filter(({ name }) =>
      /^(order|inventory|payment|notification|operator)-/.test(name),
    );
    return named.length > 5 && named.every((one) => one.num_pending + one.num_ack_pending === 0);
  };
  await waitUntil(isRead, { timeoutMillis: patienceMillis, what: 'every message to be dealt with' });
}

const logOf = (name: ProcessName) => readFileSync(system.process(name).spec.logFile, 'utf8');

async function messagesAbout(stream: string, orderId: string) {
  const messages = await readStoredMessages(system.nats.admin, stream);
  return messages.filter(({ body }) => Buffer.from(body).toString('utf8').includes(orderId));
}

async function whileOperatorIsStopped<T>(work: () => Promise<T>): Promise<T> {
  await system.process('operator').stop();
  try {
    return await work();
  } finally {
    await system.process('operator').start();
  }
}

describe('an order placed over HTTP', () => {
  it('becomes an OrderSaga of its name, is confirmed, paid once, and confirmed to the customer by one mail', async () => {
    const { status, location, order } = await post({ key: 'good', email: 'grace@example.org' });
    expect(status).toBe(201);
    expect(location).toBe(`/api/v1/orders/${order.id}`);
    expect(order).toMatchObject({ state: 'PENDING', totalCents: 300 });

    const saga = await system.waitForOutcome(order.id, 'Completed');
    expect(saga.spec.order).toMatchObject({ id: order.id, customerId: 'grace' });
    expect(await getOrder(order.id)).toMatchObject({ state: 'CONFIRMED' });
    const books = { state: 'CONFIRMED', capturedCents: 300, refundedCents: 0 };
    expect(await booksOf(system, order.id)).toEqual(books);

    await waitUntil(async () => (await mailsTo('grace@example.org')).length > 0, {
      timeoutMillis: patienceMillis,
      what: 'the mail',
    });
    await untilAllIsRead();
    const [mail, ...others] = await mailsTo('grace@example.org');
    expect(others).toEqual([]);
    expect(mail).toMatchObject({ subject: `Your order ${order.id} is confirmed` });
    expect(mail?.text).toContain('EUR 3.00');
  });

  it('is one order, however often it is sent with the same Idempotency-Key', async () => {
    const first = await post({ key: 'twice' });
    const second = await post({ key: 'twice' });
    expect(second.order.id).toBe(first.order.id);
    await system.waitForOutcome(first.order.id, 'Completed');
    expect((await booksOf(system, first.order.id)).capturedCents).toBe(300);
  });

  it('whose card is declined is cancelled, and the customer is told by mail', async () => {
    const email = 'declined@example.org';
    const { order } = await post({ key: 'declined', email, paymentMethod: 'pm_card_chargeDeclined' });
    await system.waitForOutcome(order.id, 'Compensated');
    expect(await getOrder(order.id)).toMatchObject({
      state: 'CANCELLED',
      cancelReason: expect.any(String) as unknown,
    });
    const isTold = async () => (await mailsTo(email)).length > 0;
    await waitUntil(isTold, { timeoutMillis: patienceMillis, what: 'the mail' });
    await untilAllIsRead();
    const subjects = (await mailsTo(email)).map(({ subject }) => subject);
    expect(subjects).toEqual([`Your order ${order.id} was cancelled`]);
  });
});

describe('the correlation id that the customer gave', () => {
  const correlationId = 'shop-window-4711';
  let posted: Posted;
  let orderId: string;

  beforeAll(async () => {
    posted = await post({
      key: 'correlated',
      email: 'correlated@example.org',
      phone: '+49 151 000',
      correlationId,
    });
    orderId = posted.order.id;
    await system.waitForOutcome(orderId, 'Completed');
    await untilAllIsRead();
  });

  it('comes back in the answer', () => {
    expect(posted.correlationId).toBe(correlationId);
  });

  it('stands in the annotation of the OrderSaga', async () => {
    const saga = await system.getSaga(orderId);
    expect(saga.metadata.annotations[correlationIdAnnotation]).toBe(correlationId);
  });

  it.each([streamNames.events, streamNames.commands])('travels with every message of %s', async (stream) => {
    const messages = await messagesAbout(stream, orderId);
    const ids = messages.map(({ headers }) => headers.get(headerNames.correlationId));
    expect(new Set(ids)).toEqual(new Set([correlationId]));
    expect(ids.length).toBeGreaterThanOrEqual(4);
  });

  it('travels with every reply', async () => {
    const { uid } = (await system.getSaga(orderId)).metadata;
    const messages = await messagesAbout(streamNames.replies, uid);
    const ids = messages.map(({ headers }) => headers.get(headerNames.correlationId));
    expect(ids).toEqual([correlationId, correlationId, correlationId, correlationId, correlationId]);
  });

  const involved = serviceNames.filter((name) => name !== 'user');
  it.each([...involved, 'operator'] as const)(
    'stands in every line that %s logs about the order',
    async (name) => {
      const { uid } = (await system.getSaga(orderId)).metadata;
      const lines = () => linesAbout(system.process(name).spec.logFile, [orderId, uid]);
      const isLogged = () => lines().length > 0;
      await waitUntil(isLogged, {
        timeoutMillis: patienceMillis,
        what: `a line of ${name} about ${orderId}`,
      });
      for (const line of lines()) expect(line).toMatchObject({ correlationId });
    },
  );

  it('is all that the logs say of the customer: no address, no number, no means of payment, no token', () => {
    for (const name of [...serviceNames, 'operator'] as const) {
      const log = logOf(name);
      for (const secret of ['@example.org', '+49 151', 'pm_card', 'Bearer ']) {
        expect(`${name}: ${log}`).not.toContain(secret);
      }
    }
  });
});

describe('an order whose name a foreign OrderSaga has taken', () => {
  it('is cancelled visibly and lies among the dead letters; the foreign saga goes its own way', async () => {
    const { order, foreign } = await whileOperatorIsStopped(async () => {
      const { order } = await post({ key: 'taken', email: 'taken@example.org' });
      await waitUntil(async () => (await messagesAbout(streamNames.events, order.id)).length > 0, {
        timeoutMillis: patienceMillis,
        what: 'order.created to be stored',
      });
      const manifest = sagaManifest({ story: 'foreign', name: order.id });
      await system.shop(['apply', '-f', '-'], JSON.stringify(manifest));
      return { order, foreign: manifest.spec.order.id };
    });
    const isCancelled = async () => (await getOrder(order.id)).state === 'CANCELLED';
    await waitUntil(isCancelled, { timeoutMillis: patienceMillis, what: 'the order to be cancelled' });
    expect((await getOrder(order.id)).cancelReason).toContain('NameTaken');
    const letters = await messagesAbout(streamNames.deadLetters, order.id);
    const reasons = letters.map(({ headers }) => headers.get(headerNames.deadLetterReason));
    expect(reasons).toEqual(['NameTaken']);
    expect(letters[0]?.headers.get(headerNames.deadLetterMessage)).toContain(order.id);

    const saga = await system.waitForOutcome(order.id, 'Completed');
    expect(saga.spec.order.id).toBe(foreign);
    expect((await booksOf(system, foreign)).state).toBe('CONFIRMED');
    const cancelled = { state: 'CANCELLED', capturedCents: 0, refundedCents: 0 };
    expect(await booksOf(system, order.id)).toEqual(cancelled);
    const isTold = async () => (await mailsTo('taken@example.org')).length > 0;
    await waitUntil(isTold, { timeoutMillis: patienceMillis, what: 'the mail about the cancelled order' });
  });
});

it('after all of this the books balance', async () => {
  expect(await imbalances(system)).toEqual([]);
});
