import { createClient } from 'redis';
import { cacheTimeoutMillis, type Cache } from './cache.ts';
import { ensureError } from './errors.ts';
import type { Logger } from './logger.ts';
import { withTimeout } from './timing.ts';

/** A read cache on Redis or Valkey. */

export interface RedisCacheOptions {
  readonly url: string;
  /** Before every key: several services may share one server. */
  readonly prefix: string;
  readonly logger: Logger;
}

/** Pause between two tries to connect; tries for ever. */
const reconnectMillis = 250;

async function bounded<T>(work: () => Promise<T>, timeoutMillis: number): Promise<T> {
  return withTimeout(work(), timeoutMillis, 'The cache did not answer in time');
}

/** Returns at once and connects in the background; until then every read is a miss. */
export function openRedisCache(options: RedisCacheOptions): Cache {
  const { logger } = options;
  let failing = false;
  const client = createClient({
    url: options.url,
    // The older protocol: every server and proxy speaks it, and plain values are all we need.
    RESP: 2,
    // A command that cannot be sent now is a miss now; it must not wait for a server to come back.
    disableOfflineQueue: true,
    socket: { connectTimeout: 2_000, reconnectStrategy: () => reconnectMillis },
    pingInterval: 5_000,
  });

  function told(error: unknown): void {
    if (!failing) logger.warn({ err: ensureError(error) }, 'the cache does not answer');
    failing = true;
  }

  // Without a listener an error event would end the process.
  client.on('error', told);
  client.on('ready', () => {
    failing = false;
    logger.info('connected to the cache');
  });
  client.connect().catch(told);

  async function bestEffort<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await bounded(work, cacheTimeoutMillis);
    } catch (error) {
      told(error);
      return undefined;
    }
  }

  const keyOf = (key: string): string => `${options.prefix}:${key}`;

  return {
    get: async (key) => (await bestEffort(async () => client.get(keyOf(key)))) ?? undefined,
    async set(key, value, ttlMillis) {
      const expiration = { type: 'PX', value: Math.max(1, Math.round(ttlMillis)) } as const;
      await bestEffort(async () => client.set(keyOf(key), value, { expiration }));
    },
    async delete(key) {
      await bestEffort(async () => client.del(keyOf(key)));
    },
    async ping(timeoutMillis) {
      await bounded(async () => client.ping(), timeoutMillis);
    },
    async close() {
      if (client.isOpen) client.destroy();
    },
  };
}
