import type { Cache } from './cache.ts';
import type { Logger } from './logger.ts';
import type { NatsBroker } from './nats-broker.ts';
import { openRedisCache } from './redis-cache.ts';

export interface OpenCacheOptions {
  readonly service: string;
  /** `redis://...`; undefined = a key-value bucket of the broker. */
  readonly cacheUrl: string | undefined;
  readonly broker: NatsBroker;
  readonly logger: Logger;
}

/** The service's read cache: Redis or Valkey where there is one, else a NATS key-value bucket, so a small installation needs no more parts. */
export function openCache(options: OpenCacheOptions): Cache {
  const { service, cacheUrl, broker, logger } = options;
  if (cacheUrl === undefined) return broker.cache(service);
  return openRedisCache({ url: cacheUrl, prefix: `sagamesh:${service}`, logger });
}
