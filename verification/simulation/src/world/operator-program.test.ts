import { commandSchema, messageVersion } from '@sagamesh/contracts/messages';
import type { Command, Reply } from '@sagamesh/contracts/messages';
import { commandConsumerName } from '@sagamesh/contracts/subjects';
import { FakeBroker } from '@sagamesh/operator/controller/testing/fake-broker';
import { describe, expect, it } from 'vitest';
import { SimApi } from '../fakes/api.ts';
import type { Fault } from '../kernel/fault.ts';
import { Host } from '../kernel/host.ts';
import type { SimProcess } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { operatorProgram } from './operator-program.ts';

const outcomes = { execute: 'Executed', compensate: 'Compensated', revoke: 'Revoked' } as const;
const actions = [
  ['order', 'create'],
  ['order', 'cancel'],
  ['inventory', 'reserve'],
  ['inventory', 'release'],
  ['payment', 'charge'],
  ['payment', 'refund'],
  ['order', 'confirm'],
  ['inventory', 'settle'],
] as const;

/** Services that say yes to everything after a while. */
function obligingBroker(process: SimProcess, commands: Command[]): FakeBroker {
  const broker = new FakeBroker();
  broker.consumers = new Set(actions.map(([service, action]) => commandConsumerName(service, action)));
  broker.beforePublish = ({ body }) => {
    const command = commandSchema.parse(body);
    commands.push(command);
    const { sagaUid, step, direction, commandId } = command;
    const reply: Reply = {
      version: messageVersion,
      sagaUid,
      step,
      direction,
      commandId,
      outcome: outcomes[direction],
      result: {},
      reason: '',
      message: '',
    };
    process.clock.schedule(20, () => broker.tell(reply));
  };
  return broker;
}

const order = {
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 }],
  paymentMethod: 'pm_card_visa',
};

async function run(options: {
  readonly seed?: number;
  readonly sagas?: number;
  readonly faults?: readonly Fault[];
  readonly alwaysLeads?: boolean;
  readonly untilMillis?: number;
}) {
  const sim = new Sim({ seed: options.seed ?? 1 });
  const api = new SimApi(sim);
  const commands: Command[] = [];
  const program = operatorProgram({
    api,
    connectBroker: (process) => obligingBroker(process, commands),
    alwaysLeads: options.alwaysLeads ?? false,
  });
  for (const name of ['operator-1', 'operator-2']) {
    const host = new Host({ sim, name, role: 'operator', program });
    sim.after(0, () => host.start());
  }
  sim.faults.plan(options.faults ?? []);
  const names = Array.from({ length: options.sagas ?? 1 }, (_, index) => `order-${index}`);
  for (const name of names) {
    sim.after(3_000 + 2_000 * names.indexOf(name), () =>
      api.asUser().apply(name, { order: { id: name, ...order } }),
    );
  }
  await sim.runUntil(options.untilMillis ?? 60_000);
  const outcomesSeen = names.map((name) => outcomeOf(api.asUser().get(name)?.['status']));
  return { sim, api, commands, outcomes: outcomesSeen };
}

function outcomeOf(status: unknown): unknown {
  return typeof status === 'object' && status !== null && 'outcome' in status ? status.outcome : undefined;
}

const apiFaults = [
  'api.conflict',
  'api.tooManyRequests',
  'api.serverError',
  'api.appliedButTimedOut',
  'api.lostRequest',
  'api.watchDelay',
  'api.away',
] as const;
const window = { atMillis: 2_000, forMillis: 60_000 };

/** A minute of everything at once. History is forgotten while nobody watches, so lists follow, and they lag. */
const storm: readonly Fault[] = [
  ...apiFaults.map((kind) => ({ ...window, kind, probability: 0.08 })),
  { ...window, kind: 'api.staleList', probability: 0.8 },
  ...[12_000, 24_000, 36_000, 48_000].flatMap((atMillis): Fault[] => [
    { kind: 'api.cutWatches', atMillis },
    { kind: 'api.compact', atMillis: atMillis + 600 },
  ]),
  { kind: 'api.blackHoleWatches', atMillis: 20_000 },
  { kind: 'process.crash', atMillis: 9_000, host: 'operator-1', downMillis: 3_000 },
  { kind: 'process.pause', atMillis: 20_000, host: 'operator-2', forMillis: 25_000 },
  { kind: 'process.skew', atMillis: 30_000, host: 'operator-1', byMillis: 3_600_000 },
  ...(['before', 'after'] as const).map((side): Fault => {
    const at = { atMillis: 5_000, host: 'operator-2', downMillis: 1_000 };
    return { ...at, kind: 'process.crashAt', effect: 'apiWrite', side, skip: 5 };
  }),
];

describe('the operator in the simulation', () => {
  it('takes an OrderSaga of the default plan to its end, with the same trace each time', async () => {
    const first = await run({});
    const second = await run({});
    expect(first.outcomes).toEqual(['Completed']);
    expect(first.commands.map(({ step }) => step)).toEqual([
      'createOrder',
      'reserveInventory',
      'processPayment',
      'confirmOrder',
      'settleInventory',
    ]);
    expect(second.sim.trace.hash).toBe(first.sim.trace.hash);
    expect((await run({ seed: 2 })).sim.trace.hash).not.toBe(first.sim.trace.hash);
  });

  it('has one leader, and every write to a saga names the version that it was decided on', async () => {
    const { api, sim } = await run({ sagas: 3 });
    const writes = api.record.writes.filter(
      ({ who, collection }) => who !== 'user' && collection.endsWith('ordersagas'),
    );
    expect(new Set(writes.map(({ who }) => who)).size).toBe(1);
    expect(writes.every(({ isConditional, status }) => isConditional && status === 200)).toBe(true);
    expect(sim.counts.get('operator leads')).toBe(1);
    expect(api.list('apis/events.k8s.io/v1/events')).toHaveLength(6);
    expect(api.list('apis/coordination.k8s.io/v1/leases')).toHaveLength(1);
  });

  it('lets both lead when the Lease lies', async () => {
    const { api, commands, outcomes } = await run({ alwaysLeads: true });
    const writers = new Set(api.record.writes.map(({ who }) => who).filter((who) => who !== 'user'));
    expect(writers.size).toBe(2);
    expect(commands.length).toBeGreaterThan(5);
    expect(outcomes).toEqual(['Completed']);
  });

  it('ends itself when it loses the Lease, and the other one goes on', async () => {
    const faults: Fault[] = ['operator-1', 'operator-2'].map((target, turn) => {
      const atMillis = 5_000 + turn * 60_000;
      return { kind: 'api.away', atMillis, forMillis: 40_000, probability: 1, target };
    });
    const { sim, outcomes } = await run({ faults, sagas: 80, untilMillis: 300_000 });
    expect(sim.counts.get('operator lost the Lease')).toBeGreaterThanOrEqual(1);
    expect(sim.counts.get('operator leads')).toBeGreaterThanOrEqual(2);
    expect(new Set(outcomes)).toEqual(new Set(['Completed']));
  });

  it('comes through every fault of the API server and of its own process, the same way each time', async () => {
    const bitten = new Set<string>();
    const hashes: string[] = [];
    for (const seed of [1, 1, 2, 3, 4, 5, 6, 7]) {
      const options = { seed, sagas: 12, faults: storm, untilMillis: 400_000 };
      const { sim, api, commands, outcomes } = await run(options);
      // A clock that is an hour fast ends a deadline: that is an end, too.
      expect(outcomes.filter((one) => one !== 'Completed' && one !== 'Compensated')).toEqual([]);
      expect(new Set(commands.map(({ commandId }) => commandId)).size).toBe(commands.length);
      expect(api.record.sagas.size).toBe(12);
      for (const kind of sim.faults.bitten.keys()) bitten.add(kind);
      hashes.push(sim.trace.hash);
    }
    expect([hashes[1], new Set(hashes).size]).toEqual([hashes[0], 7]);
    expect([...new Set(storm.map(({ kind }) => kind))].filter((kind) => !bitten.has(kind))).toEqual([]);
  });
});
