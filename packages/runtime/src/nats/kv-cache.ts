import { StorageType, type KV, type NatsConnection } from 'nats';
import { cacheTimeoutMillis, type Cache } from '../cache.ts';
import { ensureError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { withTimeout } from '../timing.ts';

/** A read cache on a NATS key-value bucket in the server's memory. Its keys live at most `bucketTtlMillis`; shorter times are kept in the value. */

const bucketTtlMillis = 3_600_000;
const bucketBytesMax = 16 * 1024 * 1024;
const timeDigits = 15;

/** Bucket keys may hold only `[-/_=.a-zA-Z0-9]`, with dots only between others: all but letters, digits, `_` and `-` is spelled `=<hex>=`. */
export function bucketKey(key: string): string {
  return `k_${key.replaceAll(/[^a-zA-Z0-9_-]/g, (char) => `=${char.codePointAt(0)?.toString(16)}=`)}`;
}

/** The time of expiry, in fixed width, then the value. */
export function packEntry(value: string, expiresAtMillis: number): string {
  return String(Math.round(expiresAtMillis)).padStart(timeDigits, '0') + value;
}

export function unpackEntry(text: string, nowMillis: number): string | undefined {
  return Number(text.slice(0, timeDigits)) > nowMillis ? text.slice(timeDigits) : undefined;
}

/** Opens the bucket and makes it when it is missing. */
export async function makeBucket(connection: NatsConnection, bucket: string, replicas: number): Promise<KV> {
  return connection.jetstream().views.kv(bucket, {
    history: 1,
    ttl: bucketTtlMillis,
    max_bytes: bucketBytesMax,
    storage: StorageType.Memory,
    replicas,
    // A direct get has the server send the entry, as it stands, to any subject that the reader names: a way round permissions.
    allow_direct: false,
  });
}

export interface KvCacheOptions {
  readonly bucket: string;
  readonly replicas: number;
  /** Whether this process makes the bucket when it is missing. */
  readonly makes: boolean;
  readonly connected: () => Promise<NatsConnection>;
  readonly isUp: () => boolean;
  readonly logger: Logger;
}

export function createKvCache(options: KvCacheOptions): Cache {
  let opening: Promise<KV> | undefined;
  let failing = false;

  async function openBucket(): Promise<KV> {
    const connection = await options.connected();
    if (options.makes) return makeBucket(connection, options.bucket, options.replicas);
    return connection.jetstream().views.kv(options.bucket, { bindOnly: true, allow_direct: false });
  }

  /** The bucket is opened (and made) at need, and again after any failure: a server's restart empties its memory. */
  async function withBucket<T>(timeoutMillis: number, work: (bucket: KV) => Promise<T>): Promise<T> {
    if (!options.isUp()) throw new Error('There is no connection to NATS');
    opening ??= openBucket();
    const mine = opening;
    try {
      return await withTimeout(mine.then(work), timeoutMillis, 'The cache did not answer in time');
    } catch (error) {
      if (opening === mine) opening = undefined;
      throw error;
    }
  }

  async function bestEffort<T>(work: (bucket: KV) => Promise<T>): Promise<T | undefined> {
    try {
      const result = await withBucket(cacheTimeoutMillis, work);
      failing = false;
      return result;
    } catch (error) {
      if (!failing)
        options.logger.warn({ err: ensureError(error), bucket: options.bucket }, 'the cache does not answer');
      failing = true;
      return undefined;
    }
  }

  return {
    async get(key) {
      const entry = await bestEffort((bucket) => bucket.get(bucketKey(key)));
      if (entry === undefined || entry === null || entry.operation !== 'PUT') return undefined;
      return unpackEntry(entry.string(), Date.now());
    },
    async set(key, value, ttlMillis) {
      const entry = packEntry(value, Date.now() + Math.min(ttlMillis, bucketTtlMillis));
      await bestEffort((bucket) => bucket.put(bucketKey(key), entry));
    },
    async delete(key) {
      await bestEffort((bucket) => bucket.delete(bucketKey(key)));
    },
    async ping(timeoutMillis) {
      // A write and a read: a bucket that takes nothing more is not healthy.
      const probe = `${process.pid}-${Date.now()}`;
      const seen = await withBucket(timeoutMillis, async (bucket) => {
        await bucket.put('ping', probe);
        return bucket.get('ping');
      });
      if (seen === null) throw new Error('The cache forgot what was just written');
    },
    // The connection belongs to the broker.
    close: async () => undefined,
  };
}
