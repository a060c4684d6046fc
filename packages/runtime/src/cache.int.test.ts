import { DataDir } from '@sagamesh/sandbox/data-dir';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheBehaviour } from './cache.behaviour.ts';
import { openNatsBroker, type NatsBroker } from './nats-broker.ts';
import { openCache } from './open-cache.ts';
import { RespServer } from './testing/resp-server.ts';
import { silentLogger } from './testing/silent-logger.ts';

let dataDir: DataDir;
let nats: NatsServer;
let broker: NatsBroker;
let redis = new RespServer();
let redisPort = 0;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  nats = await startNats({ dataDir });
  broker = openNatsBroker({ ...nats.admin, name: 'cache-test', logger: silentLogger });
  redisPort = await redis.listen();
});

afterAll(async () => {
  await broker.close();
  await nats.stop();
  await redis.close();
  dataDir.close({ remove: true });
});

cacheBehaviour('a NATS bucket', () => ({
  open: async () => openCache({ service: 'test', cacheUrl: undefined, broker, logger: silentLogger }),
  interrupt: async () => nats.process.kill(),
  restore: async () => nats.process.start(),
}));

cacheBehaviour('Redis', () => ({
  open: async () =>
    openCache({
      service: 'test',
      cacheUrl: `redis://127.0.0.1:${redisPort}`,
      broker,
      logger: silentLogger,
    }),
  interrupt: async () => redis.close(),
  restore: async () => {
    redis = new RespServer();
    await redis.listen(redisPort);
  },
}));

describe('Redis that takes commands and answers nothing', () => {
  it('is a miss within the time of a cache', async () => {
    const cacheUrl = `redis://127.0.0.1:${redisPort}`;
    const cache = openCache({ service: 'silent', cacheUrl, broker, logger: silentLogger });
    await expect
      .poll(async () =>
        cache.ping(500).then(
          () => 'well',
          () => 'not yet',
        ),
      )
      .toBe('well');
    redis.silent = true;
    const beganMillis = performance.now();
    expect(await cache.get('x')).toBeUndefined();
    expect(performance.now() - beganMillis).toBeLessThan(1_000);
    await expect(cache.ping(200)).rejects.toThrow('in time');
    redis.silent = false;
    await cache.close();
  });
});
