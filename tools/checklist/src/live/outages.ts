import type { ServiceName } from '@sagamesh/sandbox/system/process-catalog';
import type { LateEventFact, OutageFact, StoreFact } from '../facts.ts';
import type { Lab } from './lab.ts';
import { holds, orderedSku } from './lab.ts';
import { z } from 'zod';
import { mailsTo } from './outside.ts';
import { connectionsTo } from './stores.ts';

/** Services stopped, and started alone. */

export interface Outages {
  readonly outages: readonly OutageFact[];
  readonly lateEvents: readonly LateEventFact[];
  /** Connections to each service's store while it was stopped. */
  readonly connections: ReadonlyMap<string, Pick<StoreFact, 'connections' | 'connectionsWhileStopped'>>;
}

/** How long something is given to happen that need not happen: the order may have to wait for the stopped service. */
const meanwhileMillis = 6_000;

/** Stops each service in turn, and places an order meanwhile: over HTTP, or as an OrderSaga where that very service would take it. */
export async function stopEachInTurn(lab: Lab, stores: ReadonlyMap<string, string>): Promise<Outages> {
  const outages: OutageFact[] = [];
  const lateEvents: LateEventFact[] = [];
  const connections = new Map<string, Pick<StoreFact, 'connections' | 'connectionsWhileStopped'>>();
  for (const service of lab.services) {
    const others = lab.services.filter((other) => other !== service);
    const pids = new Map(others.map((other) => [other, lab.system.process(other).pid]));
    const store = stores.get(service);
    const before = store === undefined ? 0 : await connectionsTo(store);
    const email = `without-${service}@example.org`;
    const late = lateReaders[service];
    const seen = (await late?.seen(lab, email)) ?? 0;
    await lab.system.process(service).stop();
    if (store !== undefined) {
      connections.set(service, {
        connections: before,
        connectionsWhileStopped: await connectionsTo(store),
      });
    }
    const order = service === 'order' ? await applyWithoutOrderService(lab) : await lab.placeOrder(email);
    const healthy = await lab.healthyOf(others);
    const endedMeanwhile = await holds(
      async () => (await lab.outcomeOf(order)) === 'Completed',
      'the order to end without the service',
      meanwhileMillis,
    );
    await lab.system.process(service).start();
    const { status } = await lab.untilEnded(order);
    if (late !== undefined) lateEvents.push(await lateEvent(lab, service, late, { email, before: seen }));
    outages.push({
      service,
      othersHealthy: healthy,
      othersTroubled: others.filter((other) => !healthy.includes(other)),
      othersRestarted: others.filter((other) => lab.system.process(other).pid !== pids.get(other)),
      ordersTaken: 1,
      endedMeanwhile: endedMeanwhile ? 1 : 0,
      ordersCompleted: status.outcome === 'Completed' ? 1 : 0,
    });
  }
  await lab.untilAllHealthy();
  return { outages, lateEvents, connections };
}

async function applyWithoutOrderService(lab: Lab): Promise<string> {
  await lab.applySaga('without-order');
  return 'without-order';
}

/** Services that read events, and how often the event of one order has reached them, by what is seen of it from outside. */
const lateReaders: Readonly<Partial<Record<ServiceName, LateReader>>> = {
  notification: {
    type: 'order.confirmed',
    seen: async ({ system }, email) => (await mailsTo(system, email)).length,
  },
  inventory: {
    type: 'order.created',
    // Each order is for one piece.
    seen: async ({ system }) => {
      const stock = await fetch(`${system.url('inventory')}/api/v1/inventory/${orderedSku}`);
      return z.object({ demanded: z.int() }).parse(await stock.json()).demanded;
    },
  },
};

interface LateReader {
  readonly type: string;
  readonly seen: (lab: Lab, email: string) => Promise<number>;
}

/** After the reader came back: the event was written while nobody was there to read it. */
async function lateEvent(
  lab: Lab,
  reader: ServiceName,
  { type, seen }: LateReader,
  { email, before }: { readonly email: string; readonly before: number },
): Promise<LateEventFact> {
  await holds(async () => (await seen(lab, email)) > before, `${type} to reach ${reader}`);
  return { reader, type, seenAfter: (await seen(lab, email)) - before };
}

/** All services down; then one after the other by itself. */
export async function startEachAlone(
  lab: Lab,
): Promise<readonly { readonly service: string; readonly ready: boolean }[]> {
  const processes = lab.services.map((service) => lab.system.process(service));
  await Promise.all(processes.map((process) => process.stop()));
  const facts: { readonly service: string; readonly ready: boolean }[] = [];
  for (const process of processes) {
    // `start` resolves once /readyz answers 200.
    const ready = await process.start().then(
      () => true,
      () => false,
    );
    facts.push({ service: process.spec.name, ready });
    await process.stop();
  }
  await Promise.all(processes.map((process) => process.start()));
  await lab.untilAllHealthy();
  return facts;
}
