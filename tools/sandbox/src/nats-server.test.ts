import { expect, it } from 'vitest';
import { natsConfig } from './nats-server.ts';

it('keeps NATS on loopback, with file storage in the data folder', () => {
  const config = natsConfig({
    port: 1,
    monitorPort: 2,
    storeFolder: '/data/with "quotes"',
    syncAlways: true,
    authorization: 'authorization { users = [] }',
  });
  expect(config).toContain('listen: "127.0.0.1:1"');
  expect(config).toContain('http: "127.0.0.1:2"');
  expect(config).toContain(String.raw`store_dir: "/data/with \"quotes\""`);
  expect(config).toContain('sync_interval: always');
  expect(config).toContain('authorization { users = [] }');
});
