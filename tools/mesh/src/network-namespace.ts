/**
 * A network of its own for a few processes, with files of its own over those of this machine. It has no name and leaves no trace: it lives as long as a
 * process is in it, and its processes end when we do, in whatever way (`ManagedProcess`).
 */
import { readFileSync } from 'node:fs';
import type { DataDir } from '@sagamesh/sandbox/data-dir';
import { ManagedProcess, type ProcessSpec } from '@sagamesh/sandbox/managed-process';
import { runProgram, type ProgramResult } from '@sagamesh/sandbox/run-program';

/** `source` is seen at `target`, which must exist. */
export interface Mount {
  readonly source: string;
  readonly target: string;
}

export interface NetworkNamespaceOptions {
  readonly name: string;
  readonly dataDir: DataDir;
  readonly mounts?: readonly Mount[];
}

/** Whom a process runs as; also its group. Root when left out. */
export interface Entry {
  readonly uid?: number;
  readonly cwd?: string;
}

// Holds the namespaces open. The paths come as arguments, two for each mount.
const holderScript = `
while [ $# -gt 0 ]; do mount --bind "$1" "$2" || exit 1; shift 2; done
ip link set lo up || exit 1
exec sleep infinity`;

export class NetworkNamespace {
  readonly #options: NetworkNamespaceOptions;
  readonly #holder: ManagedProcess;
  readonly #processes: ManagedProcess[] = [];

  private constructor(options: NetworkNamespaceOptions, holder: ManagedProcess) {
    this.#options = options;
    this.#holder = holder;
  }

  static async open(options: NetworkNamespaceOptions): Promise<NetworkNamespace> {
    const { name, dataDir, mounts = [] } = options;
    const holder = new ManagedProcess({
      name: `${name}-namespace`,
      command: 'unshare',
      args: [
        '--net',
        '--mount',
        'sh',
        '-c',
        holderScript,
        'sh',
        ...mounts.flatMap(({ source, target }) => [source, target]),
      ],
      logFile: dataDir.file('logs', `${name}-namespace.log`),
      readyTimeoutMillis: 120_000,
      // The name of the process changes when all is done.
      ready: async () => readFileSync(`/proc/${holder.pid ?? 0}/comm`, 'utf8').trim() === 'sleep',
    });
    dataDir.track(holder);
    await holder.start();
    return new NetworkNamespace(options, holder);
  }

  get pid(): number {
    const { pid } = this.#holder;
    if (pid === undefined) throw new Error(`the network namespace of ${this.#options.name} is closed`);
    return pid;
  }

  /** Runs a program in it to its end; throws when it fails. */
  async run(command: string, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tryRun(command, args);
    if (code === 0) return stdout;
    throw new Error(
      `${this.#options.name}: ${command} ${args.join(' ')} failed with ${code}: ${stderr || stdout}`,
    );
  }

  async tryRun(command: string, args: readonly string[], input?: string): Promise<ProgramResult> {
    return runProgram('nsenter', this.#enter({}, command, args), input === undefined ? {} : { input });
  }

  /** A process that is started in it, and recorded in the data folder. */
  process(spec: Omit<ProcessSpec, 'uid' | 'gid' | 'cwd'>, entry: Entry = {}): ManagedProcess {
    const managed = new ManagedProcess({
      ...spec,
      command: 'nsenter',
      args: this.#enter(entry, spec.command, spec.args),
    });
    this.#options.dataDir.track(managed);
    this.#processes.push(managed);
    return managed;
  }

  /** Kills what was started in it. */
  async close(): Promise<void> {
    await Promise.all([...this.#processes, this.#holder].map((process) => process.kill()));
  }

  #enter({ uid, cwd }: Entry, command: string, args: readonly string[]): readonly string[] {
    return [
      `--target=${this.pid}`,
      '--net',
      '--mount',
      ...(uid === undefined ? [] : [`--setuid=${uid}`, `--setgid=${uid}`]),
      ...(cwd === undefined ? [] : [`--wd=${cwd}`]),
      command,
      ...args,
    ];
  }
}

/** Lays a cable from the host's bridge to a pod, and gives the pod its address. */
export async function connectToBridge(
  host: NetworkNamespace,
  pod: NetworkNamespace,
  link: { readonly name: string; readonly address: string; readonly gateway: string },
): Promise<void> {
  await ip(host, `link add ${link.name} type veth peer name eth0 netns ${pod.pid}`);
  await ip(host, `link set ${link.name} master ${bridgeName} up`);
  await ip(pod, `addr add ${link.address}/24 dev eth0`);
  await ip(pod, 'link set eth0 up');
  await ip(pod, `route add default via ${link.gateway}`);
}

const bridgeName = 'br0';

export async function makeBridge(host: NetworkNamespace, address: string): Promise<void> {
  await ip(host, `link add ${bridgeName} type bridge`);
  await ip(host, `addr add ${address}/24 dev ${bridgeName}`);
  await ip(host, `link set ${bridgeName} up`);
  await ip(host, `route add default via ${address}`);
}

async function ip(namespace: NetworkNamespace, words: string): Promise<void> {
  await namespace.run('ip', words.split(' '));
}
