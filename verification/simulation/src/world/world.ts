import { unreachable } from '@sagamesh/contracts/unreachable';
import type { Facts, LeftoverFact, ReplayFact } from '@sagamesh/invariants/facts';
import type { FakeObject } from '@sagamesh/operator/kube/testing/fake-objects';
import { seedCatalogue } from '@sagamesh/service-inventory/catalogue';
import { seedStock } from '@sagamesh/service-inventory/stock-store';
import { seedPriceList } from '@sagamesh/service-order/order-store';
import { SimApi } from '../fakes/api.ts';
import { SimBus } from '../fakes/bus.ts';
import { SimMail } from '../fakes/mail.ts';
import { SimProvider } from '../fakes/provider.ts';
import type { FaultKind } from '../kernel/fault.ts';
import { Host } from '../kernel/host.ts';
import type { Program, SimProcess } from '../kernel/host.ts';
import type { SimDatabase } from '../fakes/database.ts';
import type { Sim } from '../kernel/sim.ts';
import { hostNames } from '../schedule/make-plan.ts';
import type { HostName } from '../schedule/make-plan.ts';
import type { RunPlan } from '../schedule/run-plan.ts';
import { countAnomalies } from './anomalies.ts';
import { collectFacts, inventoryOf } from './collect-facts.ts';
import type { Databases } from './databases.ts';
import { operatorProgram } from './operator-program.ts';
import { ProbeLog } from './probes.ts';
import { inventoryProgram, notificationProgram, orderProgram, paymentProgram } from './service-programs.ts';
import type { OrderWish } from './saga-manifest.ts';
import { Users } from './users.ts';
import { Customers } from './customers.ts';
import { FrontDoor } from './front-door.ts';

/** One system in virtual time: operators, services, their databases, broker, API server and provider, and the people who use it. */

const setUpMillis = 1_000;
/** The plan's times count from here, in virtual milliseconds since the start. */
export const bootMillis = 5_000;
const probeMillis = 5_000;
/** After the last end: for events and mails to go out, and for what is left over to show. */
const drainMillis = 60_000;
const lookMillis = 2_000;
/**
 * How long a saga may take after everything is healed, beyond its own deadline. Redeliveries of a paused reader, the longest pause between two
 * undo attempts (60 s), the watch's silence (5 min until a black-holed watch is noticed), the announcements of orders (10 min at most).
 */
const healingBoundMillis = 30 * 60_000;

export interface WorldOptions {
  /** A tighter bound for worlds that are quieter. By default `healingBoundMillis`. */
  readonly boundMillis?: number;
}

const defaultDeadlineSeconds = 300;

/** With these, a message may be gone before anybody reads it. */
const forgetfulFaults: readonly FaultKind[] = [
  'bus.lose',
  'bus.loseSuffix',
  'bus.deleteStream',
  'bus.deleteConsumer',
  'bus.restoreOlder',
];

export class World {
  readonly sim: Sim;
  readonly plan: RunPlan;
  readonly api: SimApi;
  readonly bus: SimBus;
  readonly provider: SimProvider;
  readonly mail: SimMail;
  readonly databases: Databases;
  readonly users: Users;
  readonly hosts: readonly Host[];
  readonly #probes: ProbeLog;
  readonly #frontDoor: FrontDoor;
  readonly #customers: Customers;
  readonly #boundMillis: number;
  #baseline: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(plan: RunPlan, sim: Sim, databases: Databases, options: WorldOptions = {}) {
    this.plan = plan;
    this.#boundMillis = options.boundMillis ?? healingBoundMillis;
    this.sim = sim;
    this.databases = databases;
    this.api = new SimApi(this.sim);
    this.bus = new SimBus(this.sim, { mayMakeStreams: ({ host }) => host.role === 'operator' });
    this.provider = new SimProvider(this.sim);
    this.mail = new SimMail(this.sim);
    this.#frontDoor = new FrontDoor(this.sim);
    this.#customers = new Customers(this.sim, this.#frontDoor);
    this.#probes = new ProbeLog(this.sim, this.api, this.databases);
    this.hosts = hostNames(plan.replicas).map(
      (host) => new Host({ sim: this.sim, ...host, program: this.#programOf(host) }),
    );
    this.users = new Users({
      sim: this.sim,
      api: this.api,
      bus: this.bus,
      postOrder: (wish) => this.#postOrder(wish),
    });
  }

  #programOf({ role }: HostName): Program {
    const { databases, bus } = this;
    const connectBroker = (process: SimProcess) => bus.connect(process);
    const on = (database: SimDatabase) => ({
      connectBroker,
      connectDb: (process: SimProcess) => database.connect(process),
    });
    switch (role) {
      case 'operator':
        return operatorProgram({
          api: this.api,
          connectBroker: (process) => {
            bus.keepStreams(process);
            return bus.connect(process);
          },
          alwaysLeads: this.plan.leaseLies,
        });
      case 'order':
        return orderProgram({ ...on(databases.order), frontDoor: this.#frontDoor });
      case 'inventory':
        return inventoryProgram(on(databases.inventory));
      case 'payment':
        return paymentProgram({
          ...on(databases.payment),
          connectProvider: (process) => this.provider.connect(process),
        });
      case 'notification':
        return notificationProgram({
          connectBroker,
          connectChannels: (process) => this.mail.connect(process),
        });
      default:
        return unreachable(role);
    }
  }

  /** Answers the id of the order that was placed, as far as the customer knows. */
  async #postOrder({ customerId, ...body }: OrderWish): Promise<string | undefined> {
    const items = body.items.map(({ sku, quantity }) => ({ sku, quantity }));
    const post = { customerId, idempotencyKey: `key-of-${customerId}`, body: { ...body, items } };
    const fate = await this.#customers.order(post);
    return fate.kind === 'accepted' ? fate.orderId : undefined;
  }

  /** Starts everything, breaks what the plan says, heals, and waits until all is over or the bound has passed. */
  async run(): Promise<void> {
    const { sim, plan } = this;
    await this.#boot();
    this.#baseline = inventoryOf(this.api, this.bus);
    this.#probes.repeat(probeMillis);
    const from = sim.nowMillis;
    sim.faults.plan(plan.faults.map((fault) => ({ ...fault, atMillis: fault.atMillis + from })));
    this.users.plan(plan.sagas, plan.users);
    await sim.runUntil(from + plan.healAtMillis);
    sim.faults.heal();
    this.users.putRight();
    const giveUpMillis = sim.nowMillis + this.#boundMillis + this.#longestDeadlineMillis();
    while (sim.nowMillis < giveUpMillis && !this.#isOver()) await sim.runUntil(sim.nowMillis + lookMillis);
    await sim.runUntil(sim.nowMillis + drainMillis);
  }

  async #boot(): Promise<void> {
    const setUp = new Host({
      sim: this.sim,
      name: 'set-up',
      role: 'set-up',
      program: async (process) => {
        await seedPriceList(this.databases.order.connect(process));
        await seedStock(this.databases.inventory.connect(process), seedCatalogue);
      },
    });
    setUp.start();
    await this.sim.runUntil(setUpMillis);
    for (const host of this.hosts) host.start();
    await this.sim.runUntil(bootMillis);
  }

  /** Read after `run`. */
  async facts(replays: readonly ReplayFact[]): Promise<Facts> {
    const facts = await collectFacts({
      api: this.api,
      bus: this.bus,
      databases: this.databases,
      provider: this.provider,
      mail: this.mail,
      probes: this.#probes,
      customers: this.#customers,
      leftovers: this.#leftovers(),
      unreadable: this.#mayForget ? undefined : this.users.poisoned,
      mailIsCertain: !this.#mayForget,
      replays,
      healing: {
        healedAtMillis: bootMillis + this.plan.healAtMillis,
        boundMillis: this.#boundMillis,
        nowMillis: this.sim.nowMillis,
      },
      atQuiesce: true,
    });
    countAnomalies(facts, this.bus, (name, times) => this.sim.count(name, times));
    return facts;
  }

  #isOver(): boolean {
    if (this.users.isWaiting) return false;
    for (const events of this.api.record.sagas.values()) {
      const last = events.at(-1);
      if (last !== undefined && last.type !== 'DELETED' && !isEnded(last.object)) return false;
    }
    return this.databases.ordersNow().every(({ state }) => state !== 'PENDING');
  }

  #longestDeadlineMillis(): number {
    const byHand = this.plan.sagas.map(({ deadlineSeconds }) => deadlineSeconds);
    return 1_000 * Math.max(defaultDeadlineSeconds, ...byHand);
  }

  #leftovers(): readonly LeftoverFact[] {
    return [...inventoryOf(this.api, this.bus)].map(([kind, now]) => ({
      kind,
      compare: 'names',
      baseline: this.#baseline.get(kind) ?? [],
      now,
    }));
  }

  /** A message may have been lost before anybody read it. */
  get #mayForget(): boolean {
    return forgetfulFaults.some((kind) => this.sim.faults.bitten.has(kind));
  }
}

function isEnded({ status, metadata }: FakeObject): boolean {
  const finalizers = metadata['finalizers'];
  const isHeld = Array.isArray(finalizers) && finalizers.length > 0;
  if (isHeld || typeof status !== 'object' || status === null || !('outcome' in status)) return false;
  // A watch that died without a word is noticed late; until then a change of the spec is not.
  return 'observedGeneration' in status && status.observedGeneration === metadata['generation'];
}
