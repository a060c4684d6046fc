import type { Broker } from '@sagamesh/runtime/broker';
import type { SimProcess } from '../kernel/host.ts';
import { BusLink } from './bus-link.ts';
import type { BusServer } from './bus-link.ts';
import { createSimPublisher, maxPayloadBytes } from './bus-publisher.ts';
import { BusSubscription } from './bus-subscription.ts';
import { BusTail } from './bus-tail.ts';

/** The broker port as one simulated process has it. */

/** One request to the server's interface (nats-broker.ts). */
const apiTimeoutMillis = 2_000;

interface KnownNames {
  readonly atMillis: number;
  readonly names: Promise<ReadonlySet<string>>;
}

export function connectClient(server: BusServer, process: SimProcess): Broker {
  const link = new BusLink(server, process);
  const subscriptions = new Set<BusSubscription | BusTail>();
  const known = new Map<string, KnownNames>();

  async function started<S extends BusSubscription | BusTail>(subscription: S): Promise<S> {
    subscriptions.add(subscription);
    await subscription.attach();
    return subscription;
  }

  async function askedNames(stream: string): Promise<ReadonlySet<string>> {
    const answer = await link.request(stream, () => new Set(server.stream(stream)?.consumers.keys()));
    if (answer !== 'away') return answer;
    await link.pause(apiTimeoutMillis);
    throw new Error('The server did not answer in time');
  }

  return {
    publish: createSimPublisher(link),
    consume: async (spec, handler) => started(new BusSubscription(link, spec, handler)),
    tail: async (stream, filterSubject, handler) =>
      started(new BusTail(link, { stream, filterSubject }, handler)),
    async consumerNames(stream, maxAgeMillis) {
      const nowMillis = process.clock.now();
      const cached = known.get(stream);
      if (cached !== undefined && nowMillis - cached.atMillis <= maxAgeMillis) return cached.names;
      const entry = { atMillis: nowMillis, names: askedNames(stream) };
      known.set(stream, entry);
      // A failure is not remembered.
      entry.names.catch(() => known.get(stream) === entry && known.delete(stream));
      return entry.names;
    },
    async ping(timeoutMillis) {
      const answer = await link.request('', () => true);
      if (answer !== 'away') return;
      await link.pause(timeoutMillis);
      throw new Error(`The server did not answer in ${timeoutMillis} ms`);
    },
    maxPayloadBytes: () => maxPayloadBytes,
    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()));
    },
  };
}
