/**
 * A server process that is started, watched, paused, killed and started again, and that never outlives this process.
 *
 * Each runs in a session of its own (a Ctrl-C of the terminal reaches only us, so we can stop in order) together with a
 * watcher: a shell that blocks on a pipe whose other end only we hold. When we end in whatever way, SIGKILL included, the
 * kernel closes the pipe and the watcher kills the whole process group. POSIX sh only, so it works on Linux and macOS.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf, type ProcessRef } from './process-identity.ts';

export type ProcessSpec = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process; ours when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** stdout and stderr are appended here. */
  readonly logFile: string;
  /** Asked every 50 ms until it says true; an exception means "not yet". Left out: ready once spawned. */
  readonly ready?: () => Promise<boolean>;
  readonly readyTimeoutMillis?: number;
  readonly stopSignal?: NodeJS.Signals;
  /** How long `stop` waits before SIGKILL. */
  readonly stopTimeoutMillis?: number;
  readonly uid?: number;
  readonly gid?: number;
};

/** `expected`: asked for with `stop`, `kill` or `restart`. */
export type ProcessExit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly expected: boolean;
};

type Run = {
  readonly child: ChildProcess;
  readonly ref: ProcessRef;
  readonly exited: Promise<ProcessExit>;
  expected: boolean;
};

// `$$` is the process itself, also within the watcher, and leads its group. Killing "-$$" (and not "0", our own group) can
// hit nobody else even if it did not.
const watcherScript = `
(trap '' INT TERM HUP PIPE; (echo armed >&3; read -r line <&3; kill -s KILL -- "-$$") </dev/null >/dev/null 2>&1 &)
exec 3<&-
exec "$@"`;

export class ManagedProcess {
  readonly spec: ProcessSpec;
  #run: Run | undefined;
  #lastExit: ProcessExit | undefined;
  readonly #startListeners: ((ref: ProcessRef) => void)[] = [];
  readonly #exitListeners: ((exit: ProcessExit) => void)[] = [];

  constructor(spec: ProcessSpec) {
    this.spec = spec;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#run?.ref.pid;
  }

  get ref(): ProcessRef | undefined {
    return this.#run?.ref;
  }

  /** How the last run ended. */
  get lastExit(): ProcessExit | undefined {
    return this.#lastExit;
  }

  /** Called at each start, in the same tick in which the process is made. */
  onStart(listener: (ref: ProcessRef) => void): void {
    this.#startListeners.push(listener);
  }

  onExit(listener: (exit: ProcessExit) => void): void {
    this.#exitListeners.push(listener);
  }

  /** Starts it and waits until it is ready; if that fails it is stopped again, and the error carries the end of its log. */
  async start(): Promise<void> {
    if (this.#run !== undefined) throw new Error(`${this.spec.name} runs already (pid ${this.#run.ref.pid})`);
    const run = await this.#spawn();
    try {
      await this.#untilReady(run);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Asks it to stop, and kills it when it does not within the limit. A paused process is woken first. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    run.expected = true;
    this.#signal(run, this.spec.stopSignal ?? 'SIGTERM');
    this.#signal(run, 'SIGCONT');
    const patience = new AbortController();
    const limit = delay(this.spec.stopTimeoutMillis ?? 10_000, undefined, { signal: patience.signal });
    await Promise.race([run.exited, limit]).finally(() => patience.abort());
    await this.kill();
  }

  /** SIGKILL, to it and all its descendants; resolves when it is gone. */
  async kill(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    run.expected = true;
    killGroup(run.ref.pid);
    await run.exited;
  }

  /** SIGSTOP: it keeps its sockets and answers nothing. */
  pause(): void {
    this.#signal(this.#running(), 'SIGSTOP');
  }

  resume(): void {
    this.#signal(this.#running(), 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Resolves when the present run ends; at once when there is none. */
  async exited(): Promise<ProcessExit | undefined> {
    return this.#run === undefined ? this.#lastExit : this.#run.exited;
  }

  /** The last lines of its log. */
  logTail(lines = 15): string {
    try {
      return readFileSync(this.spec.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '(no log)';
    }
  }

  #running(): Run {
    if (this.#run === undefined) throw new Error(`${this.spec.name} does not run`);
    return this.#run;
  }

  #signal(run: Run, signal: NodeJS.Signals): void {
    if (this.#run === run) run.child.kill(signal);
  }

  async #spawn(): Promise<Run> {
    const { command, args, env, cwd, logFile, uid, gid } = this.spec;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a');
    const child = spawn('/bin/sh', ['-c', watcherScript, 'sh', command, ...args], {
      stdio: ['ignore', log, log, 'pipe'],
      detached: true,
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    closeSync(log);
    const pipe = child.stdio[3];
    pipe?.on('error', () => undefined); // it only says that the watcher is gone
    const armed = new Promise((resolve) => pipe?.once('data', resolve));
    const exit = new Promise<ProcessExit>((resolve) => {
      child.once('exit', (code, signal) => resolve(this.#ended(child, code, signal)));
    });
    const failed = new Promise<unknown>((resolve) => child.on('error', resolve));
    if (child.pid === undefined) throw await failed;
    const run: Run = {
      child,
      ref: { pid: child.pid, identity: identityOf(child.pid) ?? 'ended at once' },
      exited: exit,
      expected: false,
    };
    this.#run = run;
    for (const listener of this.#startListeners) listener(run.ref);
    // A SIGSTOP before the watcher is there would leave the process unwatched.
    await Promise.race([armed, exit]);
    return run;
  }

  #ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): ProcessExit {
    const exit = { code, signal, expected: this.#run?.expected ?? false };
    if (child.pid !== undefined) killGroup(child.pid); // the watcher, and whatever it left behind
    child.stdio[3]?.destroy();
    this.#run = undefined;
    this.#lastExit = exit;
    for (const listener of this.#exitListeners) listener(exit);
    return exit;
  }

  async #untilReady(run: Run): Promise<void> {
    const { name, ready, readyTimeoutMillis = 30_000, logFile } = this.spec;
    if (ready === undefined) return;
    const end = performance.now() + readyTimeoutMillis;
    for (;;) {
      const answered = await ready().catch(() => false);
      // The answer of a stranger on the same port must not pass for ours: it counts only while our process lives.
      if (answered && this.#run === run) return;
      const problem =
        this.#run !== run
          ? `ended before it was ready (${describeExit(this.#lastExit)})`
          : performance.now() > end
            ? `was not ready within ${readyTimeoutMillis} ms`
            : undefined;
      if (problem !== undefined) throw new Error(`${name} ${problem}. End of ${logFile}:\n${this.logTail()}`);
      await Promise.race([run.exited, delay(50)]);
    }
  }
}

/** Starts a process and resolves when it is ready. */
export async function startProcess(spec: ProcessSpec): Promise<ManagedProcess> {
  const managed = new ManagedProcess(spec);
  await managed.start();
  return managed;
}

/** The group's number stays taken while its watcher lives, so this cannot hit a stranger. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

function describeExit(exit: ProcessExit | undefined): string {
  return exit?.signal != null ? `signal ${exit.signal}` : `exit code ${exit?.code ?? 'unknown'}`;
}
