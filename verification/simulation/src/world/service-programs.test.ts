import { domainEventSchema } from '@sagamesh/contracts/domain-events';
import { replySchema, type Command, type Reply } from '@sagamesh/contracts/messages';
import { commandSubject, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import { commandBuilder } from '@sagamesh/kit/testing/command-builder';
import type { Broker } from '@sagamesh/runtime/broker';
import { describe, expect, it } from 'vitest';
import { SimBus } from '../fakes/bus.ts';
import { SimMail } from '../fakes/mail.ts';
import { SimProvider } from '../fakes/provider.ts';
import type { Fault } from '../kernel/fault.ts';
import { Host, type Program } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { Customers } from './customers.ts';
import { memoryDatabases } from './databases.ts';
import { FrontDoor } from './front-door.ts';
import { inventoryProgram, notificationProgram, orderProgram, paymentProgram } from './service-programs.ts';

const sagaUid = '00000000-0000-4000-8000-000000000001';
const bootMillis = 2_000;

/** All services, and somebody who sends commands and hears replies in the operator's place. */
async function startSite(faults: readonly Fault[] = [], seed: number | string = 1) {
  const sim = new Sim({ seed, keepTrace: true });
  const bus = new SimBus(sim);
  const provider = new SimProvider(sim);
  const mail = new SimMail(sim);
  const databases = memoryDatabases(sim);
  const frontDoor = new FrontDoor(sim);
  const customers = new Customers(sim, frontDoor);
  const connectBroker = bus.connect.bind(bus);
  const on = (name: 'order' | 'inventory' | 'payment') => ({
    connectBroker,
    connectDb: databases[name].connect.bind(databases[name]),
  });
  const replies: Reply[] = [];
  let broker: Broker | undefined;
  const programs: Readonly<Record<string, Program>> = {
    order: orderProgram({ ...on('order'), frontDoor }),
    inventory: inventoryProgram(on('inventory')),
    payment: paymentProgram({ ...on('payment'), connectProvider: provider.connect.bind(provider) }),
    notification: notificationProgram({ connectBroker, connectChannels: mail.connect.bind(mail) }),
    driver: async (process) => {
      broker = bus.connect(process);
      await broker.tail(streamNames.replies, replySubject('*'), ({ body }) => {
        replies.push(replySchema.parse(JSON.parse(new TextDecoder().decode(body))));
      });
    },
  };
  for (const [role, program] of Object.entries(programs))
    for (const replica of role === 'driver' ? [1] : [1, 2])
      new Host({ sim, name: `${role}-${replica}`, role, program }).start();
  await sim.runUntil(bootMillis);
  sim.faults.plan(faults.map((fault) => ({ ...fault, atMillis: fault.atMillis + sim.nowMillis })));

  /** Sends until somebody answers, as the operator does; fails after so many attempts. */
  async function send(service: string, command: Command, isWanted = (_reply: Reply) => true): Promise<Reply> {
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      const from = replies.length;
      const answer = () =>
        replies.slice(from).find((reply) => reply.sagaUid === command.sagaUid && isWanted(reply));
      void broker?.publish({ subject: commandSubject(service, command.action), body: command });
      await sim.runUntil(sim.nowMillis + 15_000, () => answer() !== undefined);
      const reply = answer();
      if (reply !== undefined) return reply;
    }
    throw new Error(`nobody answers ${command.action}`);
  }
  return { sim, bus, provider, mail, databases, customers, send };
}
type Site = Awaited<ReturnType<typeof startSite>>;

const decided = ({ outcome }: Reply) => outcome !== 'Failed';
const plan = [
  ['order', 'createOrder', 'create'],
  ['inventory', 'reserveInventory', 'reserve'],
  ['payment', 'processPayment', 'charge'],
  ['order', 'confirmOrder', 'confirm'],
  ['inventory', 'settleInventory', 'settle'],
] as const;
const contact = { email: 'ada@example.org', phone: '+4912345678' };
const commandOf = commandBuilder({ sagaUid, order: { contact } });

async function runPlan({ send }: Site): Promise<readonly string[]> {
  const outcomes: string[] = [];
  for (const [service, step, action] of plan)
    outcomes.push((await send(service, commandOf({ step, action }), decided)).outcome);
  return outcomes;
}

const post = {
  customerId: 'ada',
  idempotencyKey: 'key-1',
  body: { items: [{ sku: 'KEYBOARD', quantity: 2 }], paymentMethod: 'pm_card_visa', contact },
};

/** Everything until the customer has the last word. */
async function order({ sim, customers }: Site, change: Partial<typeof post> = {}) {
  let told: Awaited<ReturnType<Customers['order']>> | undefined;
  void customers.order({ ...post, ...change }).then((fate) => {
    told = fate;
  });
  await sim.runUntil(sim.nowMillis + 300_000, () => told !== undefined);
  return told;
}

const createdEvents = ({ bus }: Site) =>
  bus
    .history(streamNames.events)
    .filter(({ subject }) => subject.endsWith('order.created'))
    .map(({ bytes }) =>
      domainEventSchema('order.created').parse(JSON.parse(new TextDecoder().decode(bytes))),
    );

const crashAt = { kind: 'process.crashAt', atMillis: 0, downMillis: 500, skip: 0 } as const;

describe('the services in virtual time', () => {
  it('execute a plan: money is taken, stock is sold, the customer hears of it once per channel', async () => {
    const site = await startSite();
    expect(await runPlan(site)).toEqual(plan.map(() => 'Executed'));
    await site.sim.runUntil(site.sim.nowMillis + 10_000);
    expect(site.provider.movements).toMatchObject([{ kind: 'captured', sagaUid, amountCents: 4_999 }]);
    const { orders, stockMovements, paymentLedger } = await site.databases.read();
    expect(orders).toMatchObject([{ state: 'CONFIRMED', sagaUid }]);
    expect(stockMovements?.filter((one) => one.sagaUid !== null).map(({ kind }) => kind)).toEqual([
      'reserved',
      'sold',
    ]);
    expect(paymentLedger).toMatchObject([{ kind: 'captured', amountCents: 4_999 }]);
    expect(site.mail.deliveries.map(({ channel, kind }) => `${channel} ${kind}`).toSorted()).toEqual([
      'mail confirmed',
      'sms confirmed',
    ]);
    expect([...site.sim.counts.keys()].filter((name) => name.startsWith('handler error'))).toEqual([]);
  });

  it.each([
    ['before', 'providerCall', 0],
    ['after', 'providerCall', 0],
    ['after', 'providerCall', 2],
    ['before', 'commit', 1],
    ['after', 'commit', 1],
    ['before', 'publish', 0],
    ['after', 'publish', 0],
    ['before', 'ack', 0],
  ] as const)(
    'a payment process that dies %s %s (after %i of them) takes the money once',
    async (side, effect, skip) => {
      const died = await startSite(
        [1, 2].map((replica) => ({ ...crashAt, host: `payment-${replica}`, effect, side, skip })),
      );
      expect(await runPlan(died)).toEqual(plan.map(() => 'Executed'));
      expect(died.sim.faults.bitten.get('process.crashAt')).toBeGreaterThan(0);
      expect(died.provider.movements.map(({ kind }) => kind)).toEqual(['captured']);
    },
  );

  it('take an order over HTTP and publish it once; the same key answers the same order', async () => {
    const site = await startSite();
    const first = await order(site);
    expect(first?.kind).toBe('accepted');
    expect(await order(site)).toEqual(first);
    await site.sim.runUntil(site.sim.nowMillis + 5_000);
    expect(createdEvents(site).map(({ payload }) => payload.order.items)).toEqual([
      [{ sku: 'KEYBOARD', quantity: 2, unitPriceCents: 4_999 }],
    ]);
    expect(new Set(site.customers.placements.map(({ orderId }) => orderId)).size).toBe(1);
  });

  it.each(['before', 'after'] as const)(
    'an order process that dies %s its commit: the customer asks again and has one order',
    async (side) => {
      const site = await startSite(
        [1, 2].map((replica) => ({ ...crashAt, host: `order-${replica}`, effect: 'commit', side })),
      );
      const fate = await order(site);
      expect(fate?.kind).toBe('accepted');
      expect(site.sim.faults.bitten.get('process.crashAt')).toBeGreaterThan(0);
      expect((await site.databases.read()).orders).toMatchObject([{ state: 'PENDING' }]);
      expect(site.sim.counts.get('an order is answered again') ?? 0).toBe(side === 'after' ? 1 : 0);
    },
  );

  it('refuse an order that cannot be priced, and place nothing', async () => {
    const site = await startSite();
    const body = { ...post.body, items: [{ sku: 'UNICORN', quantity: 1 }] };
    expect(await order(site, { body })).toEqual({ kind: 'refused', status: 422 });
    expect((await site.databases.read()).orders).toEqual([]);
  });

  it('announce an order again, with the same event id, while no saga claims it', async () => {
    const site = await startSite();
    await order(site);
    await site.sim.runUntil(site.sim.nowMillis + 60_000);
    const events = createdEvents(site);
    expect(events.length).toBeGreaterThan(2);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(1);
  });

  it.each([
    ['back after the order', 1_000, -3_600_000],
    ['ahead before the order and back after it', 3_600_000, -3_600_000],
  ])(
    'announce an order in time though the clocks of their processes go %s',
    async (_, beforeMillis, afterMillis) => {
      const skews = (atMillis: number, byMillis: number) =>
        [1, 2].map((replica) => ({
          kind: 'process.skew' as const,
          atMillis,
          host: `order-${replica}`,
          byMillis,
        }));
      const site = await startSite([...skews(0, beforeMillis), ...skews(5_000, afterMillis)]);
      await site.sim.runUntil(site.sim.nowMillis + 1_000);
      await order(site);
      await site.sim.runUntil(site.sim.nowMillis + 60_000);
      expect(site.sim.faults.bitten.get('process.skew')).toBe(4);
      expect(createdEvents(site).length).toBeGreaterThan(2);
    },
  );

  it('make the same run of the same seed', async () => {
    const faults: readonly Fault[] = [
      { kind: 'db.abort', atMillis: 0, forMillis: 30_000, probability: 0.2 },
      { kind: 'bus.duplicate', atMillis: 0, forMillis: 30_000, probability: 0.3 },
      { kind: 'provider.error', atMillis: 0, forMillis: 30_000, probability: 0.2 },
      { kind: 'mail.refused', atMillis: 0, forMillis: 30_000, probability: 0.5 },
      { kind: 'process.crash', atMillis: 100, host: 'order-1', downMillis: 1_000 },
      { kind: 'process.pause', atMillis: 50, host: 'payment-1', forMillis: 9_000 },
    ];
    async function hashOf(seed: number): Promise<string> {
      const site = await startSite(faults, seed);
      await order(site);
      await runPlan(site);
      await site.sim.runUntil(site.sim.nowMillis + 30_000);
      return site.sim.trace.hash;
    }
    const first = await hashOf(3);
    expect(await hashOf(3)).toBe(first);
    expect(await hashOf(4)).not.toBe(first);
  });
});
