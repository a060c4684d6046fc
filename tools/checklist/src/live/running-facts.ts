import { eventPayloadSchemas } from '@sagamesh/contracts/domain-events';
import { eventSubject, streamNames } from '@sagamesh/contracts/subjects';
import type { ServiceName } from '@sagamesh/sandbox/system/process-catalog';
import type { System } from '@sagamesh/sandbox/system/system';
import type { CodeFacts, EventFact, RunningFacts, StoreFact } from '../facts.ts';
import { hangProvider, loseEachDependency } from './dependencies.ts';
import { tryGateway } from './gateway.ts';
import type { Lab } from './lab.ts';
import { openLab } from './lab.ts';
import { startEachAlone, stopEachInTurn } from './outages.ts';
import type { Outages } from './outages.ts';
import { doubleAll } from './pairs.ts';
import { repeatEverything, repeatRequests } from './repeats.ts';
import { addressFacts, refusals, writingRequests } from './requests.ts';
import { applySamples, sagaFacts } from './sagas.ts';
import { tablesOf, transactionReach } from './stores.ts';
import { openTraffic } from './traffic.ts';
import type { Traffic } from './traffic.ts';

/** All experiments on one running system, one after the other; about two minutes, most of it waiting for restarts. */

const pairOrders = 12;

export async function gatherRunning(
  system: System,
  code: CodeFacts,
  progress: (line: string) => void,
): Promise<RunningFacts> {
  const lab = openLab(system);
  const traffic = await openTraffic(system.nats.admin);
  try {
    return await experiment({ lab, traffic, code, progress });
  } finally {
    await traffic.close();
  }
}

interface Experiment {
  readonly lab: Lab;
  readonly traffic: Traffic;
  readonly code: CodeFacts;
  readonly progress: (line: string) => void;
}

async function experiment({ lab, traffic, code, progress }: Experiment): Promise<RunningFacts> {
  const urls = storeUrls(lab);
  progress('the samples, a refused order, requests without tokens');
  await applySamples(lab);
  await refuseOneOrder(lab);
  const refused = await refusals(lab, code);
  await lab.untilNoneIsOpen();
  progress('each service stopped in turn');
  const outages = await stopEachInTurn(lab, urls);
  progress('each service started alone');
  const alone = await startEachAlone(lab);
  progress('two processes of each service');
  const pairs = await doubleAll(lab, pairOrders);
  progress('broker and databases taken away');
  const lostDependencies = await loseEachDependency(lab, urls);
  progress('a provider that hangs');
  const hungProvider = await hangProvider(lab, traffic);
  await lab.untilNoneIsOpen();
  progress('everything once more');
  const bench = { lab, traffic, stores: urls };
  const requested = await repeatRequests(bench, writingRequests(lab));
  const repeated = await repeatEverything(bench);
  const readers = await traffic.readers();
  progress('requests through the gateway');
  const gateway = await tryGateway(lab, code);
  await lab.untilNoneIsOpen();
  return {
    stores: await storeFacts(urls, outages),
    addresses: addressFacts(lab, urls),
    outages: outages.outages,
    alone,
    pairs,
    lostDependencies,
    sagas: await sagaFacts(lab),
    handlers: [...requested, ...repeated],
    handlersKnown: [
      ...readers.map(({ consumer }) => consumer),
      ...code.services.flatMap(({ name, writingRoutes }) =>
        writingRoutes.map(({ route }) => `${name} ${route}`),
      ),
    ],
    events: await eventFacts(traffic),
    lateEvents: outages.lateEvents,
    hungProvider,
    refusals: refused,
    gateway,
  };
}

/** Those that are given one. */
function storeUrls(lab: Lab): ReadonlyMap<ServiceName, string> {
  return new Map(
    lab.services.flatMap((service) => {
      const url = lab.system.process(service).spec.env?.['DATABASE_URL'];
      return url === undefined ? [] : [[service, url] as const];
    }),
  );
}

/** An OrderSaga of the name that the order's own would get is there first: the operator has the order service refuse the order. */
async function refuseOneOrder(lab: Lab): Promise<void> {
  const operator = lab.system.process('operator');
  await operator.stop();
  const id = await lab.placeOrder();
  await lab.applySaga(id, 'order-that-took-the-name');
  await operator.start();
  await lab.untilEnded(id);
}

async function storeFacts(
  urls: ReadonlyMap<ServiceName, string>,
  { connections }: Outages,
): Promise<readonly StoreFact[]> {
  const tables = new Map<string, readonly string[]>();
  for (const [service, url] of urls) tables.set(service, await tablesOf(url));
  // What every store has comes from the kit: the fence, the outbox, the inbox.
  const inAll = [...tables.values()].reduce((common, names) => common.filter((name) => names.includes(name)));
  const facts: StoreFact[] = [];
  for (const [service, url] of urls) {
    const names = tables.get(service) ?? [];
    facts.push({
      service,
      url,
      tables: names,
      ownTables: names.filter((name) => !inAll.includes(name)),
      ...(connections.get(service) ?? { connections: 0, connectionsWhileStopped: 0 }),
      ...(await transactionReach(url)),
    });
  }
  return facts;
}

async function eventFacts(traffic: Traffic): Promise<readonly EventFact[]> {
  const stored = await traffic.stored(streamNames.events);
  return Object.keys(eventPayloadSchemas)
    .map((type) => ({
      type,
      stored: stored.filter(({ subject }) => subject === eventSubject(type)).length,
    }))
    .filter(({ stored }) => stored > 0);
}
