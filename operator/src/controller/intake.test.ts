import { commandSchema } from '@sagamesh/contracts/messages';
import { createLogger } from '@sagamesh/runtime/logger';
import { describe, expect, it } from 'vitest';
import { createKubeClient } from '../kube/client.ts';
import { FakeApi } from '../kube/testing/fake-api.ts';
import { VirtualClock } from '../kube/testing/virtual-clock.ts';
import { startIntake } from './intake.ts';
import { orderSagaResource } from './saga-object.ts';
import { FakeBroker } from './testing/fake-broker.ts';
import { anOrder } from './testing/sagas.ts';

const created = {
  eventId: 'event-1',
  eventType: 'order.created',
  aggregateId: anOrder.id,
  timestamp: '2026-01-01T00:00:00Z',
  version: 1,
  payload: { order: anOrder, totalCents: 4_999 },
};
const retry = { kind: 'retry', delayMillis: 2_000 };
const ack = { kind: 'ack' };

async function intake() {
  const api = new FakeApi();
  const broker = new FakeBroker();
  const client = createKubeClient(api.transport, {
    limiter: 'off',
    clock: new VirtualClock(),
    random: () => 0,
  });
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ name: 'operator', destination });
  await startIntake({ broker, client, namespace: 'shop', logger, epochMillis: () => 0 });
  const stored = () => api.objects.get('apis/sagamesh.dev/v1alpha1/ordersagas', 'shop/order-1');
  const refused = () => broker.on('saga.cmd.order.refuse').map(({ body }) => commandSchema.parse(body));
  const buried = () => broker.on('dlq.operator').map(({ headers }) => headers?.['x-dead-letter-reason']);
  const logged = () =>
    lines.map((line) => {
      const { msg, correlationId }: { msg: string; correlationId: string } = JSON.parse(line);
      return [msg, correlationId];
    });
  return { api, broker, client, stored, refused, buried, logged };
}

describe('an order that was created', () => {
  it('becomes an OrderSaga of its name, with our finalizer from the start', async () => {
    const { broker, stored } = await intake();
    expect(await broker.deliver(created, { 'x-correlation-id': 'c-1' })).toEqual(ack);
    expect(stored()).toMatchObject({
      metadata: {
        name: 'order-1',
        finalizers: ['sagamesh.dev/compensate'],
        annotations: { 'sagamesh.dev/correlation-id': 'c-1' },
      },
      spec: { order: { ...anOrder, sourceEventId: 'event-1' } },
    });
    expect(broker.published).toEqual([]);
  });

  it('is followed by its event id when no correlation id came along', async () => {
    const { broker, stored } = await intake();
    await broker.deliver(created);
    expect(stored()).toMatchObject({
      metadata: { annotations: { 'sagamesh.dev/correlation-id': 'event-1' } },
    });
  });

  it('and announced again changes nothing', async () => {
    const { api, broker, refused } = await intake();
    await broker.deliver(created);
    const { version } = api.objects;
    expect(await broker.deliver(created)).toEqual(ack);
    expect([api.objects.version, refused()]).toEqual([version, []]);
  });

  it('is read from the beginning, since nobody should wait because no operator ran', async () => {
    const { broker } = await intake();
    expect(broker.specs).toMatchObject([
      { stream: 'DOMAIN_EVENTS', filterSubject: 'events.order.created', deliver: 'all' },
    ]);
  });
});

describe('the correlation id of an order', () => {
  const withId = { 'x-correlation-id': 'c-1' };

  it('stands in the line that says that it was taken in', async () => {
    const { broker, logged } = await intake();
    await broker.deliver(created, withId);
    expect(logged()).toEqual([['order taken in', 'c-1']]);
  });

  it('stands in the line that says that it was refused, and goes along with the refusal', async () => {
    const { api, broker, logged } = await intake();
    api.fault = () => ({ kind: 'answer', status: 422, reason: 'Invalid' });
    await broker.deliver(created, withId);
    expect(logged()).toEqual([['order refused', 'c-1']]);
    expect(broker.published.map(({ headers }) => headers?.['x-correlation-id'])).toEqual(['c-1', 'c-1']);
  });

  it('stands in the line that says that it has to wait', async () => {
    const { api, broker, logged } = await intake();
    api.fault = () => ({ kind: 'unreachable' });
    await broker.deliver(created, withId);
    expect(logged()).toEqual([['cannot take an order in yet', 'c-1']]);
  });
});

describe('an order that nobody will drive', () => {
  it.each([
    ['applied by hand', anOrder],
    ['of another event', { ...anOrder, sourceEventId: 'event-0' }],
  ])('since its name is taken by a saga %s is refused, visibly, and kept', async (_name, order) => {
    const { broker, client, refused, buried } = await intake();
    await client.create(orderSagaResource, 'shop', { metadata: { name: 'order-1' }, spec: { order } });
    expect(await broker.deliver(created)).toEqual(ack);
    expect(buried()).toEqual(['NameTaken']);
    expect(refused()).toMatchObject([{ orderId: 'order-1', step: 'refuse', with: { reason: 'NameTaken' } }]);
  });

  it('since the API server refuses it for good is refused', async () => {
    const { api, broker, refused, buried } = await intake();
    api.fault = ({ method }) =>
      method === 'POST' ? { kind: 'answer', status: 422, reason: 'Invalid' } : undefined;
    expect(await broker.deliver(created)).toEqual(ack);
    expect([buried(), refused()[0]?.with['reason']]).toEqual([['RefusedByApiServer'], 'RefusedByApiServer']);
  });

  it('is refused at the same fence place each time, under a valid id, and another order at another', async () => {
    const { api, broker, refused } = await intake();
    api.fault = () => ({ kind: 'answer', status: 422, reason: 'Invalid' });
    await broker.deliver(created);
    await broker.deliver(created);
    await broker.deliver({ ...created, eventId: 'event-2' });
    const [first, again, other] = refused();
    expect(again?.sagaUid).toBe(first?.sagaUid);
    expect(other?.sagaUid).not.toBe(first?.sagaUid);
    expect(first?.sagaUid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(again?.commandId).not.toBe(first?.commandId);
  });
});

describe('an order that cannot be taken in yet', () => {
  it.each([
    ['permission is missing', { kind: 'answer', status: 403, reason: 'Forbidden' }],
    ['the namespace is missing', { kind: 'answer', status: 404, reason: 'NotFound' }],
    ['the API server is in trouble', { kind: 'answer', status: 500, reason: 'InternalError' }],
    ['the API server is throttling', { kind: 'answer', status: 429, reason: 'TooManyRequests' }],
    ['the API server is away', { kind: 'unreachable' }],
  ] as const)('since %s comes again', async (_name, fault) => {
    const { api, broker, refused, stored } = await intake();
    api.fault = () => fault;
    expect(await broker.deliver(created)).toEqual(retry);
    expect([broker.published, refused()]).toEqual([[], []]);
    api.fault = () => undefined;
    expect(await broker.deliver(created)).toEqual(ack);
    expect(stored()).toBeDefined();
  });

  it('since the name was freed while we looked comes again', async () => {
    const { api, broker } = await intake();
    api.fault = ({ method }) =>
      method === 'POST' ? { kind: 'answer', status: 409, reason: 'AlreadyExists' } : undefined;
    expect(await broker.deliver(created)).toEqual(retry);
  });

  it('nor refused, since the broker is away, comes again', async () => {
    const { api, broker } = await intake();
    api.fault = () => ({ kind: 'answer', status: 422, reason: 'Invalid' });
    broker.isAway = true;
    expect(await broker.deliver(created)).toEqual(retry);
  });
});

describe('an event that cannot be read', () => {
  it.each([
    ['broken', new TextEncoder().encode('{'), 'Malformed'],
    ['of another type', { ...created, eventType: 'order.confirmed' }, 'Malformed'],
    ['of an unknown version', { ...created, version: 2 }, 'UnknownVersion'],
  ])('since it is %s is kept among the dead letters', async (_name, body, reason) => {
    const { api, broker, buried } = await intake();
    expect(await broker.deliver(body)).toEqual(ack);
    expect([buried(), api.requests]).toEqual([[reason], []]);
  });

  it('comes again as long as it cannot be kept', async () => {
    const { broker } = await intake();
    broker.isAway = true;
    expect(await broker.deliver(new TextEncoder().encode('{'))).toEqual(retry);
  });
});
