import type { JetStreamManager } from 'nats';
import { apiCodeOf, apiCodes } from './api-error.ts';

/** Durable consumers of a stream, listed at most once per `maxAgeMillis`. */

export type ConsumerNames = (stream: string, maxAgeMillis: number) => Promise<ReadonlySet<string>>;

async function listed(jsm: JetStreamManager, stream: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  try {
    for await (const info of jsm.consumers.list(stream)) {
      if (info.config.durable_name !== undefined) names.add(info.config.durable_name);
    }
  } catch (error) {
    if (apiCodeOf(error) !== apiCodes.streamNotFound) throw error;
  }
  return names;
}

export function createConsumerNames(
  manager: () => Promise<JetStreamManager>,
  nowMillis: () => number = () => performance.now(),
): ConsumerNames {
  const known = new Map<
    string,
    { readonly atMillis: number; readonly names: Promise<ReadonlySet<string>> }
  >();
  return async (stream, maxAgeMillis) => {
    const cached = known.get(stream);
    if (cached !== undefined && nowMillis() - cached.atMillis <= maxAgeMillis) return cached.names;
    const names = manager().then((jsm) => listed(jsm, stream));
    const entry = { atMillis: nowMillis(), names };
    known.set(stream, entry);
    // A failure is not remembered: the next caller asks again.
    names.catch(() => known.get(stream) === entry && known.delete(stream));
    return names;
  };
}
