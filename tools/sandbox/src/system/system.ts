import { join } from 'node:path';
import type { BrokerAccess } from '@sagamesh/contracts/broker-access';
import { startControlPlane } from '../control-plane.ts';
import type { ControlPlane, ControlPlaneOptions } from '../control-plane.ts';
import type { DataDir } from '../data-dir.ts';
import { kubectlFor } from '../kubectl.ts';
import type { Kubectl } from '../kubectl.ts';
import { ManagedProcess } from '../managed-process.ts';
import { startNats } from '../nats-server.ts';
import type { NatsOptions, NatsServer } from '../nats-server.ts';
import { resolveEnvoy } from '../resolve-envoy.ts';
import { SetupError } from '../setup-error.ts';
import { chooseDatabases } from './databases.ts';
import { startGateway } from './gateway.ts';
import type { Gateway } from './gateway.ts';
import { installManifests, repository } from './manifests.ts';
import { defineProcesses, helperNames, serviceNames } from './process-catalog.ts';
import type { ExtraEnvironment, ProcessDefinition, ProcessName, ServiceName } from './process-catalog.ts';
import { openTokenSigner } from './token-signer.ts';
import type { TokenSigner } from './token-signer.ts';

/**
 * All of SagaMesh on this machine: a real API server, a real NATS server, and operator, services, provider and sinks as processes of their own.
 * The demo, the end-to-end tests, the drills and the benchmarks all run on this.
 */

export interface SystemOptions {
  readonly dataDir: DataDir;
  /** Default 1. More of them share one Lease. */
  readonly operators?: number;
  /** Default `pglite`: embedded, one folder per service. */
  readonly databases?: 'pglite' | 'postgres';
  readonly extraEnv?: ExtraEnvironment;
  /** Envoy in front of the services. Left out: none. `if-possible`: without an Envoy there is none, and `progress` says why. */
  readonly gateway?: 'required' | 'if-possible';
  /** Services of somebody else: each gets a user at the NATS server (`nats.login(<name>)`). */
  readonly stepServices?: readonly BrokerAccess[];
  readonly nats?: Pick<NatsOptions, 'trace'>;
  /** Arguments for node itself, say `--inspect=127.0.0.1:0`. */
  readonly nodeArgs?: Readonly<Partial<Record<ProcessName, readonly string[]>>>;
  /** Of `control-plane.ts`. */
  readonly auditBodies?: ControlPlaneOptions['auditBodies'];
  /** One line per thing that came up. */
  readonly progress?: (line: string) => void;
}

export interface System {
  readonly controlPlane: ControlPlane;
  readonly nats: NatsServer;
  readonly tokens: TokenSigner;
  readonly gateway: Gateway | undefined;
  /** As admin. */
  readonly kubectl: Kubectl;
  readonly databaseUrl: (service: ServiceName) => string;
  process(name: ProcessName): ManagedProcess;
  readonly processes: ReadonlyMap<ProcessName, ManagedProcess>;
  /** `http://127.0.0.1:<port>` */
  url(name: ProcessName): string;
  stop(): Promise<void>;
}

export const operatorUser = 'system:serviceaccount:sagamesh-system:sagamesh-operator';

export async function startSystem(options: SystemOptions): Promise<System> {
  const { dataDir, progress = () => undefined } = options;
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const controlPlane = await startControlPlane({
      dataDir,
      identities: [{ name: operatorUser }],
      ...(options.auditBodies ? { auditBodies: options.auditBodies } : {}),
    });
    stops.push(() => controlPlane.stop());
    progress(`API server    ${controlPlane.url}`);
    const nats = await startNats({ dataDir, moreClients: options.stepServices ?? [], ...options.nats });
    stops.push(() => nats.stop());
    progress(`NATS          ${nats.url}`);
    const kubectl = await kubectlFor(controlPlane.adminKubeconfig);
    await installManifests(kubectl);
    progress('manifests     CRD, roles and namespaces applied');
    const databases = await chooseDatabases(dataDir, options.databases ?? 'pglite');
    stops.push(() => databases.stop());
    const { databaseUrl } = databases;
    const tokens = await openTokenSigner(dataDir);
    const ports = await choosePorts(dataDir, options.operators ?? 1);
    const definitions = defineProcesses(
      {
        natsLogin: nats.login,
        operatorKubeconfig: controlPlane.kubeconfigFor(operatorUser),
        jwksFile: tokens.jwksFile,
        signingKeysFile: tokens.keysFile,
        databaseUrl,
        file: (name) => dataDir.file('state', name),
        port: (name) => portOf(ports, name),
      },
      { operators: options.operators ?? 1, ...(options.extraEnv ? { extraEnv: options.extraEnv } : {}) },
    );
    const processes = new Map(
      definitions.map((one) => [one.name, toProcess(one, dataDir, options.nodeArgs?.[one.name])]),
    );
    stops.push(async () => {
      await Promise.all([...processes.values()].map((process) => process.stop()));
    });
    await startInOrder([...processes.values()], progress);
    const gateway = await openGateway(options, ports, tokens, progress);
    if (gateway !== undefined) stops.push(() => gateway.stop());
    return {
      controlPlane,
      nats,
      tokens,
      gateway,
      kubectl,
      databaseUrl,
      processes,
      process: (name) => mustHave(processes.get(name), name),
      url: (name) => `http://127.0.0.1:${portOf(ports, name)}`,
      stop: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function openGateway(
  options: SystemOptions,
  ports: Ports,
  { jwksFile }: TokenSigner,
  progress: (line: string) => void,
): Promise<Gateway | undefined> {
  if (options.gateway === undefined) return undefined;
  try {
    const { path: envoy } = await resolveEnvoy({ note: progress });
    const servicePorts = { order: portOf(ports, 'order'), user: portOf(ports, 'user') };
    const gateway = await startGateway({ dataDir: options.dataDir, envoy, servicePorts, jwksFile });
    progress(`gateway       ${gateway.url} (Envoy, pid ${gateway.process.pid})`);
    return gateway;
  } catch (error) {
    if (options.gateway === 'required' || !(error instanceof SetupError)) throw error;
    progress(`gateway       none: ${error.message}`);
    return undefined;
  }
}

/** Everything at once on two cores is slower than helpers first, then the operators, then the services, which wait for the operator's streams. */
async function startInOrder(
  processes: readonly ManagedProcess[],
  progress: (line: string) => void,
): Promise<void> {
  const among = (names: readonly string[]) =>
    processes.filter((process) => names.includes(process.spec.name));
  const others = processes.filter(
    (process) => ![...helperNames, ...serviceNames].some((name) => name === process.spec.name),
  );
  for (const wave of [among(helperNames), others, among(serviceNames)]) {
    await Promise.all(
      wave.map(async (process) => {
        await process.start();
        progress(`${process.spec.name.padEnd(13)} pid ${process.pid}`);
      }),
    );
  }
}

type Ports = ReadonlyMap<string, number>;

async function choosePorts(dataDir: DataDir, operators: number): Promise<Ports> {
  const names = [...helperNames, 'smtp', ...serviceNames, 'operator'];
  for (let number = 2; number <= operators; number += 1) names.push(`operator-${number}`);
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await dataDir.port(name));
  return ports;
}

function portOf(ports: Ports, name: string): number {
  return mustHave(ports.get(name), name);
}

function toProcess(
  definition: ProcessDefinition,
  dataDir: DataDir,
  nodeArgs: readonly string[] = [],
): ManagedProcess {
  const { name, bundle, env, readyPath } = definition;
  const process = new ManagedProcess({
    name,
    command: globalThis.process.execPath,
    args: ['--enable-source-maps', ...nodeArgs, join(repository, 'dist', `${bundle}.mjs`)],
    env: { PATH: globalThis.process.env['PATH'], HOME: globalThis.process.env['HOME'], ...env },
    cwd: repository,
    logFile: dataDir.file('logs', `${name}.log`),
    ready: async () => (await fetch(`http://127.0.0.1:${env['PORT']}${readyPath}`)).ok,
    readyTimeoutMillis: 60_000,
    stopTimeoutMillis: 20_000,
  });
  dataDir.track(process);
  return process;
}

function mustHave<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the sandbox has no ${name}`);
  return value;
}
