import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataDir } from './data-dir.ts';
import { startNats, type NatsServer } from './nats-server.ts';
import { natsConnectOptions } from './nats-users.ts';

let dataDir: DataDir;
let nats: NatsServer;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  nats = await startNats({ dataDir });
});

afterAll(async () => {
  await nats.stop();
  dataDir.close({ remove: true });
});

describe('the NATS server', () => {
  it('keeps its address and its streams when it is killed and started again', async () => {
    const before = await connect(natsConnectOptions(nats.admin));
    const manager = await before.jetstreamManager();
    await manager.streams.add({ name: 'LASTING', subjects: ['lasting.>'] });
    await before.jetstream().publish('lasting.one', 'hello');
    await before.close();

    await nats.process.kill();
    await nats.process.start();

    const after = await connect(natsConnectOptions(nats.admin));
    const message = await (await after.jetstreamManager()).streams.getMessage('LASTING', { seq: 1 });
    expect(message.string()).toBe('hello');
    await after.close();
  });

  it('writes its streams below the data folder', async () => {
    const answer = await fetch(`${nats.monitorUrl}/jsz?config=true`);
    expect(await answer.json()).toMatchObject({
      config: { store_dir: dataDir.file('nats', 'store', 'jetstream') },
    });
  });
});
