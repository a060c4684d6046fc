/** The payment client against a network that answers by itself: proxies, breakers, nobody. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { runInContext } from '@sagamesh/runtime/correlation';
import { RetryableError } from '@sagamesh/runtime/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentGateway } from './payment-gateway.ts';
import { createStripeGateway } from './stripe-gateway.ts';

let server: Server;
let gateway: PaymentGateway;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const asked: IncomingMessage[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  gateway = createStripeGateway({ url, key: 'sk_test_network', timeoutMillis: 500 });
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  create: () =>
    gateway.create({
      sagaUid: '7c183d61-90f3-4bcc-a5fe-d363f7be09d2',
      step: 'processPayment',
      orderId: 'order-1',
      amountCents: 4_999,
      currency: 'EUR',
      paymentMethod: 'pm_card_visa',
    }),
  read: () => gateway.read('pi_1'),
  confirm: () => gateway.confirm('pi_1'),
  cancel: () => gateway.cancel('pi_1', 'declined'),
  refund: () => gateway.refund('pi_1', 'saga/refund'),
  readRefunds: () => gateway.readRefunds('pi_1'),
};

const json = { 'content-type': 'application/json' };
const problem = { 'content-type': 'application/problem+json' };
const ofAProxy = JSON.stringify({ type: 'about:blank', title: 'Service Unavailable', status: 503 });
const withoutError = JSON.stringify({ id: 'pi_1', status: 'succeeded', error: null });
const asSuccess = JSON.stringify({ error: { type: 'api_error', code: 'charge_already_refunded' } });
const asRefusal = JSON.stringify({ error: { type: 'invalid_request_error', code: 'resource_missing' } });

describe.each(Object.keys(calls))('%s', (name) => {
  it.each([
    { what: 'the plain text of a proxy', headers: {}, body: 'upstream connect error or disconnect/reset' },
    { what: 'an open circuit, empty', headers: { 'x-envoy-overloaded': 'true' }, body: '' },
    { what: "a gateway's problem document", headers: problem, body: ofAProxy },
    { what: 'the error of the provider', headers: json, body: '{"error":{"type":"api_error"}}' },
    { what: 'an error that looks like a refusal', headers: json, body: asRefusal },
    { what: 'an error that looks like a refund', headers: json, body: asSuccess },
    { what: 'an error that is null', headers: json, body: withoutError },
  ])(
    'does not know what came of it after a 503 with $what, and does not ask twice',
    async ({ headers, body }) => {
      answer = (_request, response) => response.writeHead(503, headers).end(body);
      asked.length = 0;
      await expect(calls[name]?.()).rejects.toBeInstanceOf(RetryableError);
      expect(asked).toHaveLength(1);
    },
  );

  it('gives up by itself on a provider that does not answer', async () => {
    answer = () => undefined;
    asked.length = 0;
    await expect(calls[name]?.()).rejects.toBeInstanceOf(RetryableError);
    expect(asked).toHaveLength(1);
  });

  it('goes out with the correlation id of the work at hand', async () => {
    answer = (_request, response) => response.writeHead(503).end();
    asked.length = 0;
    const context = { correlationId: 'c-1', traceparent: '' };
    await expect(runInContext(context, () => calls[name]?.())).rejects.toThrow('payment provider');
    expect(asked.map(({ headers }) => headers['x-correlation-id'])).toEqual(['c-1']);
  });
});
