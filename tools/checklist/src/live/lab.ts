import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { orderSagaSchema } from '@sagamesh/contracts/order-saga';
import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import { mustRun, repository, sagaNamespace } from '@sagamesh/sandbox/system/manifests';
import { serviceNames } from '@sagamesh/sandbox/system/process-catalog';
import type { ServiceName } from '@sagamesh/sandbox/system/process-catalog';
import type { System } from '@sagamesh/sandbox/system/system';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { parse } from 'yaml';
import { z } from 'zod';

/** What every experiment on the running system needs. The system is on PostgreSQL, so that its stores can be looked at from outside. */

/** Patience, not an expectation: other programs may be using this machine. */
export const patienceMillis = 120_000;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Lab {
  readonly system: System;
  readonly services: readonly ServiceName[];
  /** POST of one order of a customer; without a key, one of its own. */
  postOrder(options?: { readonly key?: string; readonly email?: string }): Promise<Answer>;
  /** The same, which must succeed; answers the order's id, which is its saga's name. */
  placeOrder(email?: string): Promise<string>;
  /** `kubectl apply` of the sample of a good order, under a name and an order id of its own. */
  applySaga(name: string, orderId?: string): Promise<void>;
  sagas(): Promise<readonly OrderSaga[]>;
  /** The saga once it has ended. */
  untilEnded(name: string): Promise<OrderSaga>;
  /** Every saga has ended, and the operator has let go of it. */
  untilNoneIsOpen(): Promise<void>;
  /** Undefined while it is open, or is not there yet. */
  outcomeOf(name: string): Promise<string | undefined>;
  health(service: ServiceName): Promise<HealthView>;
  untilHealth(service: ServiceName, status: HealthView['status']): Promise<HealthView>;
  /** Those of them that are healthy, or become so at once: a busy machine may make one late for a single look. */
  healthyOf(services: readonly ServiceName[]): Promise<readonly ServiceName[]>;
  /** All services. */
  untilAllHealthy(): Promise<void>;
  adminToken(): Promise<string>;
}

const healthSchema = z.object({
  status: z.string(),
  checks: z.record(z.string(), z.object({ status: z.string() })),
});
export type HealthView = z.infer<typeof healthSchema>;

const listSchema = z.object({ items: z.array(orderSagaSchema) });
const postedSchema = z.object({ id: z.string() });
const sampleSchema = z.object({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ order: z.looseObject({ id: z.string() }) }),
});

/** What each order over HTTP is for, one piece of it; there is enough for any number of orders. */
export const orderedSku = 'BULK';

export const samplesFolder = join(repository, 'manifests', 'samples');

export function openLab(system: System): Lab {
  const kubectl = (args: readonly string[], input?: string) =>
    mustRun(system.kubectl, ['--namespace', sagaNamespace, ...args], input);
  const sagas = async () =>
    listSchema.parse(JSON.parse(await kubectl(['get', 'ordersagas', '--output=json']))).items;
  const outcomeOf = async (name: string) =>
    (await sagas()).find(({ metadata }) => metadata.name === name)?.status.outcome;
  const health = async (service: ServiceName): Promise<HealthView> =>
    healthSchema.parse(await (await fetch(`${system.url(service)}/health`)).json());
  const adminToken = () => system.tokens.token({ customerId: 'auditor', roles: ['admin'] });
  const lab: Lab = {
    system,
    services: serviceNames,
    sagas,
    outcomeOf,
    health,
    adminToken,
    postOrder: ({ key = randomUUID(), email } = {}) => postOrder(system, key, email),
    async placeOrder(email) {
      const { status, body } = await lab.postOrder(email === undefined ? {} : { email });
      if (status !== 201) throw new Error(`POST of an order answered ${status}: ${body}`);
      return postedSchema.parse(JSON.parse(body)).id;
    },
    async applySaga(name, orderId = name) {
      await kubectl(['apply', '-f', '-'], JSON.stringify(goodOrder(name, orderId)));
    },
    async untilEnded(name) {
      await waitUntil(async () => (await outcomeOf(name)) !== undefined, {
        timeoutMillis: patienceMillis,
        intervalMillis: 300,
        what: `${name} to end`,
      });
      const ended = (await sagas()).find(({ metadata }) => metadata.name === name);
      if (ended === undefined) throw new Error(`${name} is gone`);
      return ended;
    },
    untilNoneIsOpen: () =>
      waitUntil(
        async () =>
          (await sagas()).every(
            ({ metadata, status }) => status.outcome !== undefined && metadata.finalizers.length === 0,
          ),
        { timeoutMillis: patienceMillis, intervalMillis: 300, what: 'all sagas to end' },
      ),
    async untilHealth(service, status) {
      const isSo = async () => (await health(service)).status === status;
      await waitUntil(isSo, {
        timeoutMillis: patienceMillis,
        intervalMillis: 200,
        what: `${service} ${status}`,
      });
      return health(service);
    },
    async healthyOf(asked) {
      const isHealthy = async (service: ServiceName) => (await health(service)).status === 'healthy';
      const answers = await Promise.all(
        asked.map((service) => holds(() => isHealthy(service), `${service} healthy`, 10_000)),
      );
      return asked.filter((_, index) => answers[index]);
    },
    async untilAllHealthy() {
      for (const service of serviceNames) await lab.untilHealth(service, 'healthy');
    },
  };
  return lab;
}

async function postOrder(system: System, key: string, email: string | undefined): Promise<Answer> {
  const response = await fetch(`${system.url('order')}/api/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await system.tokens.token({ customerId: 'grace' })}`,
      'content-type': 'application/json',
      'idempotency-key': `"${key}"`,
    },
    body: JSON.stringify({
      items: [{ sku: orderedSku, quantity: 1 }],
      paymentMethod: 'pm_card_visa',
      ...(email === undefined ? {} : { contact: { email } }),
    }),
  });
  return { status: response.status, body: await response.text() };
}

function goodOrder(name: string, orderId: string): object {
  const sample = sampleSchema.parse(parse(readFileSync(join(samplesFolder, 'good-order.yaml'), 'utf8')));
  return {
    apiVersion: 'sagamesh.dev/v1alpha1',
    kind: 'OrderSaga',
    metadata: { name },
    spec: { order: { ...sample.spec.order, id: orderId } },
  };
}

/** Milliseconds of patience, and what was waited for in vain is false and no exception: it becomes a fact. */
export async function holds(
  fact: () => Promise<boolean>,
  what: string,
  timeoutMillis = patienceMillis,
): Promise<boolean> {
  try {
    await waitUntil(fact, { timeoutMillis, intervalMillis: 200, what });
    return true;
  } catch {
    return false;
  }
}
