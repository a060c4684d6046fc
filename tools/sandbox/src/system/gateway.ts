import { readFileSync, renameSync, unwatchFile, watchFile, writeFileSync } from 'node:fs';
import type { DataDir } from '../data-dir.ts';
import { ManagedProcess } from '../managed-process.ts';
import { gatewayConfig, gatewayListeners } from './gateway-config.ts';
import type { GatewayAddresses } from './gateway-config.ts';

/** Envoy in front of the services, as the gateway of a cluster is: the same routes, limits, tokens and ids. On loopback only. */
export interface Gateway {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly adminUrl: string;
  readonly process: ManagedProcess;
  stop(): Promise<void>;
}

export interface GatewayOptions {
  readonly dataDir: DataDir;
  /** The program. */
  readonly envoy: string;
  readonly servicePorts: GatewayAddresses['servicePorts'];
  /** Public keys of those who sign tokens; looked at twice a second, so that a key that was exchanged counts without a restart. */
  readonly jwksFile: string;
}

const keyCheckMillis = 500;

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { dataDir, envoy, servicePorts, jwksFile } = options;
  const port = await dataDir.port('gateway');
  const adminPort = await dataDir.port('gatewayAdmin');
  const configFile = dataDir.file('gateway', 'envoy.json');
  const listenersFile = dataDir.file('gateway', 'listeners.json');
  const writeListeners = () =>
    replaceFile(listenersFile, gatewayListeners({ port }, readFileSync(jwksFile, 'utf8')));
  const keepUp = () => {
    try {
      writeListeners();
    } catch {
      // The file is away for the moment, and is looked at again when it is back: the keys before go on.
    }
  };
  replaceFile(configFile, gatewayConfig({ adminPort, servicePorts, listenersFile }));
  // Watched first: a key that is exchanged while Envoy starts must not be missed.
  watchFile(jwksFile, { interval: keyCheckMillis, persistent: false }, keepUp);
  const process = new ManagedProcess({
    name: 'gateway',
    command: envoy,
    // Hot restart would share memory with any other Envoy of this machine. Log lines are kept back for ten seconds unless told otherwise.
    args: [
      '--config-path',
      configFile,
      '--file-flush-interval-msec',
      '500',
      '--disable-hot-restart',
      '--concurrency',
      '2',
      '--log-level',
      'warning',
    ],
    logFile: dataDir.file('logs', 'gateway.log'),
    // Any answer: the listener comes after the admin interface.
    ready: async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 404,
  });
  dataDir.track(process);
  try {
    writeListeners();
    await process.start();
  } catch (error) {
    unwatchFile(jwksFile, keepUp);
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    process,
    stop: () => {
      unwatchFile(jwksFile, keepUp);
      return process.stop();
    },
  };
}

/** By renaming: Envoy looks for that, and never reads half a file. */
function replaceFile(path: string, content: unknown): void {
  writeFileSync(`${path}.draft`, JSON.stringify(content, null, 2));
  renameSync(`${path}.draft`, path);
}
