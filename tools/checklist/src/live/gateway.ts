import { randomUUID } from 'node:crypto';
import type { BurstFact, CodeFacts, GatewayAnswerFact, GatewayFact } from '../facts.ts';
import type { Lab } from './lab.ts';

/** The sandbox's Envoy, with the same routes, limits and rules as a cluster's gateway. */

interface GatewayRequest {
  readonly request: string;
  readonly mayPass: boolean;
  readonly send: () => Promise<Response>;
}

/** One request for each limit, to be sent very often. */
const burstPaths: Readonly<Record<string, string>> = {
  orders: '/api/v1/orders',
  users: '/.well-known/jwks.json',
};

/** More than a burst of a minute's allowance. */
const overTheLimit = 50;

/** Null without an Envoy. Spends what the limits allow, so nothing may want the gateway for a minute. */
export async function tryGateway(lab: Lab, code: CodeFacts): Promise<GatewayFact | null> {
  const { gateway } = lab.system;
  if (gateway === undefined) return null;
  const answered: GatewayAnswerFact[] = [];
  for (const { request, mayPass, send } of await requestsThrough(gateway.url, lab)) {
    const response = await send();
    await response.arrayBuffer();
    answered.push({ request, mayPass, status: response.status });
  }
  const bursts: BurstFact[] = [];
  for (const { name, requestsPerMinute } of code.gatewayLimits) {
    bursts.push(await burst(`${gateway.url}${burstPaths[name] ?? '/'}`, name, requestsPerMinute, lab));
  }
  return { answered, bursts };
}

async function requestsThrough(url: string, lab: Lab): Promise<readonly GatewayRequest[]> {
  const token = { authorization: `Bearer ${await lab.system.tokens.token({ customerId: 'grace' })}` };
  const get = (path: string, headers: Readonly<Record<string, string>>) => () =>
    fetch(`${url}${path}`, { headers });
  const order = (headers: Readonly<Record<string, string>>) => () =>
    fetch(`${url}/api/v1/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `"${randomUUID()}"`, ...headers },
      body: JSON.stringify({ items: [{ sku: 'BULK', quantity: 1 }], paymentMethod: 'pm_card_visa' }),
    });
  const forged = { authorization: 'Bearer not.a.token' };
  return [
    { request: 'POST of an order with a token', mayPass: true, send: order(token) },
    { request: 'POST of an order without a token', mayPass: false, send: order({}) },
    { request: 'POST of an order with a forged token', mayPass: false, send: order(forged) },
    { request: 'GET of orders with a token', mayPass: true, send: get('/api/v1/orders', token) },
    { request: 'GET of orders without a token', mayPass: false, send: get('/api/v1/orders', {}) },
    { request: 'GET of users without a token', mayPass: false, send: get('/api/v1/users', {}) },
    { request: 'GET of the public keys', mayPass: true, send: get('/.well-known/jwks.json', {}) },
  ];
}

async function burst(url: string, limit: string, requestsPerMinute: number, lab: Lab): Promise<BurstFact> {
  const headers = { authorization: `Bearer ${await lab.system.tokens.token({ customerId: 'grace' })}` };
  const sent = requestsPerMinute + overTheLimit;
  const answers = await Promise.all(
    Array.from({ length: sent }, async () => {
      const response = await fetch(url, { headers });
      await response.arrayBuffer();
      return { status: response.status, toldWhen: response.headers.has('retry-after') };
    }),
  );
  const refused = answers.filter(({ status }) => status === 429);
  return {
    limit,
    sent,
    refused: refused.length,
    toldWhen: refused.filter(({ toldWhen }) => toldWhen).length,
  };
}
