/** The experiments on a real system that somebody has broken: they must see it. */
import { bundleAll } from '@sagamesh/build/bundle';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import type { ServiceName } from '@sagamesh/sandbox/system/process-catalog';
import { startSystem } from '@sagamesh/sandbox/system/system';
import type { System } from '@sagamesh/sandbox/system/system';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeAll } from '../checklist.ts';
import type { RunningFacts } from '../facts.ts';
import { withRunning } from '../testing/honest-facts.ts';
import { loseEachDependency } from './dependencies.ts';
import { openLab } from './lab.ts';
import type { Lab } from './lab.ts';
import { stopEachInTurn } from './outages.ts';
import { repeatEverything } from './repeats.ts';
import { addressFacts } from './requests.ts';
import { withClient } from './stores.ts';
import { openTraffic } from './traffic.ts';
import type { Traffic } from './traffic.ts';

let dataDir: DataDir;
let system: System;
let lab: Lab;
let traffic: Traffic;

beforeAll(async () => {
  await bundleAll();
  dataDir = await DataDir.temporary();
  system = await startSystem({ dataDir, databases: 'postgres' });
  lab = openLab(system);
  traffic = await openTraffic(system.nats.admin);
  await lab.untilEnded(await lab.placeOrder());
  await lab.untilNoneIsOpen();
});

afterAll(async () => {
  await traffic?.close();
  await system?.stop();
  dataDir?.close({ remove: true });
});

const storesOf = (...services: readonly ServiceName[]) =>
  new Map(services.map((service) => [service, system.databaseUrl(service)]));

/** The points that turn red when these are the facts. */
const red = (change: Partial<RunningFacts>) =>
  judgeAll(withRunning(change))
    .filter(({ ok }) => !ok)
    .map(({ number }) => number);

const allStores = () => storesOf('order', 'inventory', 'payment', 'user');

describe('everything once more', () => {
  it('changes nothing in a healthy system', async () => {
    const handlers = await repeatEverything({ lab, traffic, stores: allStores() });
    expect(handlers.filter(({ repeats }) => repeats > 0).length).toBeGreaterThan(5);
    expect(
      handlers.filter(({ effects, answeredOtherwise }) => effects.length + answeredOtherwise > 0),
    ).toEqual([]);
  });

  it('is seen to have an effect where a service forgot what it had dealt with', async () => {
    await withClient(system.databaseUrl('inventory'), (client) => client.query('delete from inbox'));
    const handlers = await repeatEverything({ lab, traffic, stores: allStores() });
    const guilty = handlers.filter(({ effects }) => effects.length > 0);
    expect(guilty.map(({ name }) => name)).toEqual(['inventory-order-created']);
    expect(guilty[0]?.effects.join()).toMatch(/inventory: table demand \(1 rows, then 1\)/);
    // Honest handlers beside it, so that nothing else is wrong.
    const others = withRunning({}).running.handlers;
    expect(
      red({
        handlers: [...others, ...guilty],
        handlersKnown: [...others, ...guilty].map(({ name }) => name),
      }),
    ).toEqual([7, 13]);
  });
});

describe('a store', () => {
  it('is seen to be shared when somebody else is connected to it', async () => {
    const stranger = new Client({
      connectionString: system.databaseUrl('payment'),
      application_name: 'report',
    });
    await stranger.connect();
    try {
      const onlyPayment: Lab = { ...lab, services: ['payment'] };
      const { connections } = await stopEachInTurn(onlyPayment, storesOf('payment'));
      expect(connections.get('payment')?.connectionsWhileStopped).toBe(1);
      const stores = withRunning({}).running.stores.map((one) => ({ ...one, ...connections.get('payment') }));
      expect(red({ stores })).toEqual([9]);
    } finally {
      await stranger.end();
    }
  });
});

describe('health', () => {
  it('is seen to keep silent about a database that it does not ask', async () => {
    // The notification service has none: taken for one that has, it says nothing of it.
    const lost = await loseEachDependency(
      { ...lab, services: ['payment'] },
      new Map<ServiceName, string>([['notification', system.databaseUrl('payment')]]),
    );
    expect(lost.map(({ service, during }) => [service, during])).toEqual([
      ['payment', 'degraded'],
      ['notification', 'healthy'],
    ]);
    expect(red({ lostDependencies: [...withRunning({}).running.lostDependencies, ...lost] })).toEqual([6]);
  });
});

describe('an address', () => {
  it("is seen among a process's variables", () => {
    const order = system.process('order');
    const chained = {
      ...system,
      process: (name: Parameters<System['process']>[0]) =>
        name === 'payment'
          ? Object.assign(Object.create(order), {
              spec: { ...order.spec, env: { STOCK_URL: `${system.url('inventory')}/api` } },
            })
          : system.process(name),
    };
    const addresses = addressFacts({ ...lab, system: chained }, allStores());
    expect(addresses.filter(({ foreign }) => foreign.length > 0)).toEqual([
      { service: 'payment', variables: 1, foreign: ['STOCK_URL'] },
    ]);
    expect(red({ addresses })).toEqual([10]);
  });
});
