/** A NATS server with JetStream on loopback; its streams survive `kill` and `start`, its port stays. */
import { writeFileSync } from 'node:fs';
import type { DataDir } from './data-dir.ts';
import { ManagedProcess } from './managed-process.ts';
import { resolveBinary } from './resolve-binary.ts';

export type NatsOptions = {
  readonly dataDir: DataDir;
  /** The port kept in the data folder when left out. */
  readonly port?: number;
  /** fsync before each acknowledgement. Off, a crash of the machine (not of the server) may lose the last two minutes. */
  readonly syncAlways?: boolean;
};

export type NatsServer = {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string;
  readonly monitorUrl: string;
  readonly process: ManagedProcess;
  readonly stop: () => Promise<void>;
};

export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const { dataDir } = options;
  const command = await resolveBinary('nats-server');
  const port = options.port ?? (await dataDir.port('nats'));
  const monitorPort = await dataDir.port('natsMonitor');
  const monitorUrl = `http://127.0.0.1:${monitorPort}`;
  const configFile = dataDir.file('nats', 'nats.conf');
  const storeFolder = dataDir.file('nats', 'store');
  writeFileSync(
    configFile,
    natsConfig({ port, monitorPort, storeFolder, syncAlways: options.syncAlways ?? false }),
  );
  const process = new ManagedProcess({
    name: 'nats-server',
    command,
    args: ['--config', configFile],
    logFile: dataDir.file('logs', 'nats-server.log'),
    ready: async () => (await fetch(`${monitorUrl}/healthz`)).ok,
  });
  dataDir.track(process);
  await process.start();
  return { url: `nats://127.0.0.1:${port}`, monitorUrl, process, stop: () => process.stop() };
}

export type NatsConfig = {
  readonly port: number;
  readonly monitorPort: number;
  readonly storeFolder: string;
  readonly syncAlways: boolean;
};

export function natsConfig(config: NatsConfig): string {
  return [
    'server_name: "sandbox"',
    `listen: "127.0.0.1:${config.port}"`,
    `http: "127.0.0.1:${config.monitorPort}"`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(config.storeFolder)}`,
    // Only a limit: left out, the server takes three quarters of the free disk and refuses streams on a full one.
    '  max_file_store: 10GB',
    `  sync_interval: ${config.syncAlways ? 'always' : '"2m"'}`,
    '}',
    '',
  ].join('\n');
}
