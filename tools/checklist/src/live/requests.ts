import { randomUUID } from 'node:crypto';
import type { GatewayRoute } from '@sagamesh/gateway/routes';
import { z } from 'zod';
import type { AddressFact, CodeFacts, RefusalFact } from '../facts.ts';
import type { Answer, Lab } from './lab.ts';
import type { WritingRequest } from './repeats.ts';

/** Requests straight to the services: those that must be refused, and those that are sent again. */

const pathOf = ({ path }: GatewayRoute) => ('prefix' in path ? path.prefix : path.exact);

/** `POST /api/v1/inventory/:sku/restock` with something for each parameter. */
const concrete = (route: string) => route.replaceAll(/:\w+/g, 'BULK');

/** Of the gateway's table those for tokens, and every writing route that the table does not open to anybody. */
function guardedRequests({ gatewayRoutes, services }: CodeFacts) {
  const open = gatewayRoutes
    .filter(({ access }) => access === 'anybody')
    .flatMap((route) => route.methods.map((method) => `${method} ${pathOf(route)}`));
  const routed = gatewayRoutes
    .filter(({ access }) => access === 'token')
    .flatMap((route) =>
      route.methods.map((method) => ({
        service: route.service as string,
        request: `${method} ${pathOf(route)}`,
      })),
    );
  const writing = services.flatMap(({ name, writingRoutes }) =>
    writingRoutes.map(({ route }) => ({ service: name, request: concrete(route) })),
  );
  const all = [...routed, ...writing].filter(({ request }) => !open.includes(request));
  const keys = all.map(({ service, request }) => `${service} ${request}`);
  return all.filter((_, index) => keys.indexOf(keys[index] ?? '') === index);
}

export async function refusals(lab: Lab, code: CodeFacts): Promise<readonly RefusalFact[]> {
  const facts: RefusalFact[] = [];
  for (const { service, request } of guardedRequests(code)) {
    const name = lab.services.find((one) => one === service);
    if (name === undefined) continue;
    const [method = 'GET', path = '/'] = request.split(' ');
    for (const [kind, headers] of [
      ['without a token', {}],
      ['with a forged token', { authorization: 'Bearer not.a.token' }],
    ] as const) {
      const response = await fetch(`${lab.system.url(name)}${path}`, {
        method,
        headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': '"refused"' },
        ...(method === 'GET' ? {} : { body: '{}' }),
      });
      facts.push({ service, request: `${request} ${kind}`, status: response.status });
    }
  }
  return facts;
}

/** What each process was started with: no value may be the address of another service, or of its store. */
export function addressFacts(lab: Lab, stores: ReadonlyMap<string, string>): readonly AddressFact[] {
  return lab.services.map((service) => {
    const variables = Object.entries(lab.system.process(service).spec.env ?? {});
    const others = lab.services.filter((other) => other !== service);
    const addresses = others.flatMap((other) => [new URL(lab.system.url(other)).host, stores.get(other)]);
    return {
      service,
      variables: variables.length,
      foreign: variables
        .filter(([, value]) => addresses.some((address) => address !== undefined && value?.includes(address)))
        .map(([name]) => name),
    };
  });
}

/** One request for each writing route of the services; a route that is not here is told as not tried. */
export function writingRequests(lab: Lab): readonly WritingRequest[] {
  const orderKey = randomUUID();
  const restockKey = randomUUID();
  const registrationKey = randomUUID();
  const credentials = { email: `${randomUUID()}@example.org`, password: randomUUID() };
  const inUserService = (path: string, body: object, key = '') =>
    post(`${lab.system.url('user')}${path}`, body, key === '' ? {} : { 'idempotency-key': `"${key}"` });
  return [
    {
      name: 'order POST /api/v1/orders',
      send: () => lab.postOrder({ key: orderKey, email: 'twice@example.org' }),
      settled: async ({ body }) => {
        await lab.untilEnded(z.object({ id: z.string() }).parse(JSON.parse(body)).id);
        await lab.untilNoneIsOpen();
      },
    },
    {
      name: 'inventory POST /api/v1/inventory/:sku/restock',
      send: async () =>
        post(
          `${lab.system.url('inventory')}/api/v1/inventory/BULK/restock`,
          { quantity: 5 },
          {
            authorization: `Bearer ${await lab.adminToken()}`,
            'idempotency-key': `"${restockKey}"`,
          },
        ),
      settled: nothing,
    },
    {
      name: 'user POST /api/v1/users',
      send: () => inUserService('/api/v1/users', { ...credentials, name: 'Ada' }, registrationKey),
      settled: nothing,
    },
    {
      name: 'user POST /api/v1/users/token',
      send: () => inUserService('/api/v1/users/token', credentials),
      settled: nothing,
      // Each token has a time of its own: what must be the same is whose it is.
      isSameBody: (again, first) => userIdOf(again) === userIdOf(first),
    },
  ];
}

const nothing = async () => undefined;

const userIdOf = (body: unknown) => z.object({ userId: z.string() }).parse(body).userId;

async function post(url: string, body: object, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.text() };
}
