import type {
  Acceptance,
  Facts,
  HealingFact,
  LeftoverFact,
  ReplayFact,
  SagaFact,
  UnreadableFact,
} from '@sagamesh/invariants/facts';
import type { SimApi } from '../fakes/api.ts';
import type { SimBus } from '../fakes/bus.ts';
import type { SimMail } from '../fakes/mail.ts';
import type { SimProvider } from '../fakes/provider.ts';
import { readMessages } from './collect-messages.ts';
import { readSagas } from './collect-sagas.ts';
import type { Customers } from './customers.ts';
import type { Databases } from './databases.ts';
import type { Probes } from './probes.ts';

/** Reads the facts that the invariant checkers judge: from tables, provider, API server, streams and mails, never from the code that is judged. */

export interface FactSources {
  readonly api: SimApi;
  readonly bus: SimBus;
  readonly databases: Databases;
  readonly provider: SimProvider;
  readonly mail: SimMail;
  readonly probes: Probes;
  readonly customers: Customers;
  readonly leftovers: readonly LeftoverFact[];
  readonly unreadable: readonly UnreadableFact[] | undefined;
  readonly mailIsCertain: boolean;
  readonly replays: readonly ReplayFact[];
  readonly healing: HealingFact;
  readonly atQuiesce: boolean;
}

export async function collectFacts(sources: FactSources): Promise<Facts> {
  const { api, bus, databases, provider, mail, probes, unreadable } = sources;
  const tables = await databases.read();
  const sagas = readSagas(api);
  return {
    atQuiesce: sources.atQuiesce,
    oneOrder: true,
    ...tables,
    provider: provider.facts(),
    sagas,
    ...readMessages(bus),
    consumers: bus.consumers.map(({ stream, consumer, pending, unacknowledged }) => ({
      stream,
      name: consumer,
      pending,
      ackPending: unacknowledged,
    })),
    ...(unreadable === undefined ? {} : { unreadable }),
    notifications: mail.deliveries,
    mailIsCertain: sources.mailIsCertain,
    clients: {
      accepted: acceptances(sagas, sources.customers),
      placements: sources.customers.placements,
      orderReads: probes.orderReads,
      sagaReads: probes.sagaReads,
    },
    stockProbes: probes.stockProbes,
    leftovers: sources.leftovers,
    replays: sources.replays,
    healing: sources.healing,
  };
}

/** An OrderSaga that is stored was acknowledged to whoever made it. */
function acceptances(sagas: readonly SagaFact[], customers: Customers): readonly Acceptance[] {
  const orders = customers.told.flatMap(({ fate }): readonly Acceptance[] =>
    fate.kind === 'accepted' ? [{ kind: 'order', orderId: fate.orderId }] : [],
  );
  return [...orders, ...sagas.map(({ uid, name }): Acceptance => ({ kind: 'saga', uid, name }))];
}

/** What there is of each kind of object, by name: before a run and after it. */
export function inventoryOf(api: SimApi, bus: SimBus): ReadonlyMap<string, readonly string[]> {
  const leases = api
    .list('apis/coordination.k8s.io/v1/leases')
    .map(({ metadata }) => String(metadata['name']));
  const held = readSagas(api)
    .filter(({ gone, versions }) => !gone && versions.at(-1)?.status.outcome !== undefined)
    .filter(({ versions }) => (versions.at(-1)?.finalizers.length ?? 0) > 0)
    .map(({ name }) => name);
  return new Map([
    ['lease', leases],
    ['consumer', bus.consumers.map(({ stream, consumer }) => `${stream}/${consumer}`)],
    ['finalizer on an ended saga', held],
  ]);
}
