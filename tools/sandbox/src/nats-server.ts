/**
 * A NATS server with JetStream on loopback; its streams survive `kill` and `start`, its port stays. Everybody has a user of his own and may
 * do no more than in production.
 */
import { writeFileSync } from 'node:fs';
import { adminClient, brokerAccesses } from '@sagamesh/contracts/broker-access';
import type { BrokerAccess } from '@sagamesh/contracts/broker-access';
import { natsAuthorization, quoted } from '@sagamesh/contracts/nats-authorization';
import type { DataDir } from './data-dir.ts';
import { ManagedProcess } from './managed-process.ts';
import { keepPasswords } from './nats-users.ts';
import type { NatsLogin } from './nats-users.ts';
import { resolveBinary } from './resolve-binary.ts';

export type NatsOptions = {
  readonly dataDir: DataDir;
  /** The port kept in the data folder when left out. */
  readonly port?: number;
  /** fsync before each acknowledgement. Off, a crash of the machine (not of the server) may lose the last two minutes. */
  readonly syncAlways?: boolean;
  /** Users besides those of an installation as it comes. */
  readonly moreClients?: readonly BrokerAccess[];
  /** Also logs every protocol line of every client. Large. */
  readonly trace?: boolean;
};

export type NatsServer = {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string;
  readonly monitorUrl: string;
  readonly logFile: string;
  /** Address and password of one of the users; `admin` may do everything. */
  readonly login: (user: string) => NatsLogin;
  readonly admin: NatsLogin;
  readonly process: ManagedProcess;
  readonly stop: () => Promise<void>;
};

export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const { dataDir } = options;
  const command = await resolveBinary('nats-server');
  const port = options.port ?? (await dataDir.port('nats'));
  const url = `nats://127.0.0.1:${port}`;
  const monitorPort = await dataDir.port('natsMonitor');
  const monitorUrl = `http://127.0.0.1:${monitorPort}`;
  const configFile = dataDir.file('nats', 'nats.conf');
  const storeFolder = dataDir.file('nats', 'store');
  const clients = [...brokerAccesses, ...(options.moreClients ?? [])];
  const passwords = keepPasswords(
    dataDir.path,
    clients.map(({ name }) => name),
  );
  const login = (user: string): NatsLogin => {
    const password = passwords[user];
    if (password === undefined) throw new Error(`the NATS server has no user ${user}`);
    return { url, user, password };
  };
  const authorization = natsAuthorization(clients, (user) => quoted(login(user).password));
  const syncAlways = options.syncAlways ?? false;
  writeFileSync(configFile, natsConfig({ port, monitorPort, storeFolder, syncAlways, authorization }), {
    mode: 0o600,
  });
  const logFile = dataDir.file('logs', 'nats-server.log');
  const process = new ManagedProcess({
    name: 'nats-server',
    command,
    args: ['--config', configFile, ...(options.trace === true ? ['-DV'] : [])],
    logFile,
    ready: async () => (await fetch(`${monitorUrl}/healthz`)).ok,
  });
  dataDir.track(process);
  await process.start();
  return { url, monitorUrl, logFile, login, admin: login(adminClient), process, stop: () => process.stop() };
}

export type NatsConfig = {
  readonly port: number;
  readonly monitorPort: number;
  readonly storeFolder: string;
  readonly syncAlways: boolean;
  /** As `natsAuthorization` writes it. */
  readonly authorization: string;
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
    config.authorization,
  ].join('\n');
}
