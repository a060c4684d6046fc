/**
 * The folder of one sandbox: its lock, the ports it keeps over `down` and `up`, and the processes that belong to it
 * (`sandbox.json`), so that another shell can stop exactly these.
 */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { freePort, isFreePort } from './free-port.ts';
import { killGroup, type ManagedProcess } from './managed-process.ts';
import { lockHolder, tryPidLock } from './pid-lock.ts';
import { isAlive, type ProcessRef } from './process-identity.ts';
import { SetupError } from './setup-error.ts';
import { waitUntil } from './wait-until.ts';

const stateSchema = z.object({
  ports: z.record(z.string(), z.number().int()),
  processes: z.array(z.object({ name: z.string(), pid: z.number().int(), identity: z.string() })),
  kubeconfigs: z.record(z.string(), z.string()),
});

/** What `sandbox.json` holds. `kubeconfigs`: identity -> path. */
export type SandboxState = z.infer<typeof stateSchema>;

const emptyState: SandboxState = { ports: {}, processes: [], kubeconfigs: {} };

export class DataDir {
  readonly path: string;
  #state: SandboxState;
  readonly #release: () => void;

  private constructor(path: string, state: SandboxState, release: () => void) {
    this.path = path;
    this.#state = state;
    this.#release = release;
  }

  /** Makes the folder if need be and takes its lock. Throws SetupError when a living process holds it. */
  static async open(path: string): Promise<DataDir> {
    const full = resolve(path);
    mkdirSync(full, { recursive: true, mode: 0o700 });
    const lock = tryPidLock(lockFile(full));
    if (lock.kind === 'held') {
      throw new SetupError(
        `${full} is in use by process ${lock.holder.pid}: stop that sandbox first, or choose another folder`,
      );
    }
    const state = await readSandboxState(full);
    await killAll(state.processes);
    const dir = new DataDir(full, { ...state, processes: [] }, lock.release);
    dir.#save();
    return dir;
  }

  /** A fresh folder below the system's folder for temporary files; `close({ remove: true })` deletes it. */
  static async temporary(): Promise<DataDir> {
    return DataDir.open(mkdtempSync(join(realpathSync(tmpdir()), 'sagamesh-')));
  }

  get state(): SandboxState {
    return this.#state;
  }

  /** A path inside, the folders above it made. */
  file(...parts: readonly string[]): string {
    const path = join(this.path, ...parts);
    mkdirSync(join(path, '..'), { recursive: true });
    return path;
  }

  /** The port kept under this name; a new one the first time, and when a stranger sits on the old one. */
  async port(name: string): Promise<number> {
    const kept = this.#state.ports[name];
    if (kept !== undefined && (await isFreePort(kept))) return kept;
    const taken = new Set(Object.values(this.#state.ports));
    let port = await freePort();
    while (taken.has(port)) port = await freePort();
    this.#state = { ...this.#state, ports: { ...this.#state.ports, [name]: port } };
    this.#save();
    return port;
  }

  /** Keeps the record of a process, over its restarts. Call it before its first start. */
  track(managed: ManagedProcess): void {
    const { name } = managed.spec;
    managed.onStart((ref) => this.#setProcesses([...this.#others(name), { name, ...ref }]));
    managed.onExit(() => this.#setProcesses(this.#others(name)));
  }

  recordKubeconfig(identity: string, path: string): void {
    this.#state = { ...this.#state, kubeconfigs: { ...this.#state.kubeconfigs, [identity]: path } };
    this.#save();
  }

  /** Gives the lock back. Stop the processes first. */
  close(options: { readonly remove?: boolean } = {}): void {
    this.#release();
    if (options.remove === true) rmSync(this.path, { recursive: true, force: true });
  }

  #others(name: string): SandboxState['processes'] {
    return this.#state.processes.filter((other) => other.name !== name);
  }

  #setProcesses(processes: SandboxState['processes']): void {
    this.#state = { ...this.#state, processes };
    this.#save();
  }

  #save(): void {
    const draft = join(this.path, 'sandbox.json.draft');
    writeFileSync(draft, `${JSON.stringify(this.#state, null, 2)}\n`);
    renameSync(draft, stateFile(this.path));
  }
}

/** What a folder's sandbox last recorded; for readers that do not hold its lock. */
export async function readSandboxState(path: string): Promise<SandboxState> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(stateFile(path), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return emptyState;
    throw new SetupError(
      `${stateFile(path)} cannot be read (${String(error)}): delete ${path} to start afresh`,
    );
  }
}

/** The process that runs the sandbox of this folder. */
export function sandboxOwner(path: string): ProcessRef | undefined {
  return lockHolder(lockFile(path));
}

export type StopOptions = { readonly timeoutMillis?: number };

/**
 * Stops the sandbox of a folder from outside: asks its owner (SIGTERM), kills it when it does not end in time, then kills
 * what is left of the recorded processes. Every pid is checked against its start time first. False: nothing was running.
 */
export async function stopSandbox(path: string, options: StopOptions = {}): Promise<boolean> {
  const full = resolve(path);
  const owner = sandboxOwner(full);
  if (owner?.pid === process.pid) throw new Error('this process owns the sandbox: stop its parts instead');
  if (owner !== undefined) {
    process.kill(owner.pid, 'SIGTERM');
    await untilGone(owner, options.timeoutMillis ?? 30_000).catch(async () => {
      if (isAlive(owner)) process.kill(owner.pid, 'SIGKILL');
      await untilGone(owner, 5_000);
    });
  }
  const left = await killAll((await readSandboxState(full)).processes);
  return owner !== undefined || left > 0;
}

async function killAll(processes: SandboxState['processes']): Promise<number> {
  const living = processes.filter((process) => isAlive(process));
  for (const process of living) killGroup(process.pid);
  for (const process of living) await untilGone(process, 5_000);
  return living.length;
}

async function untilGone(ref: ProcessRef, timeoutMillis: number): Promise<void> {
  await waitUntil(() => !isAlive(ref), { timeoutMillis, what: `process ${ref.pid} to end` });
}

function lockFile(path: string): string {
  return join(path, 'lock');
}

function stateFile(path: string): string {
  return join(path, 'sandbox.json');
}
