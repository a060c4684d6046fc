import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ManagedProcess, startProcess, type ProcessExit, type ProcessSpec } from './managed-process.ts';
import { identityOf, isAlive, parseProcStat, type ProcessRef } from './process-identity.ts';
import { waitUntil } from './wait-until.ts';

let folder = '';
const started: ManagedProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'managed-'));
});

afterEach(async () => {
  for (const managed of started.splice(0)) await managed.kill();
  rmSync(folder, { recursive: true });
});

/** A process that runs a shell script. `ready` holds when the script has printed `up`. */
function shell(script: string, more: Partial<ProcessSpec> = {}): ManagedProcess {
  const logFile = join(folder, `${started.length}.log`);
  const managed = new ManagedProcess({
    name: 'script',
    command: '/bin/sh',
    args: ['-c', script],
    logFile,
    ready: async () => readFileSync(logFile, 'utf8').includes('up'),
    ...more,
  });
  started.push(managed);
  return managed;
}

function refOf(pid: number): ProcessRef {
  return { pid, identity: identityOf(pid) ?? 'gone already' };
}

/** Who is still there after half a minute; returns early when nobody is. */
async function survivors(refs: readonly ProcessRef[]): Promise<readonly ProcessRef[]> {
  await waitUntil(() => !refs.some(isAlive), { timeoutMillis: 30_000, what: 'their end' }).catch(
    () => undefined,
  );
  return refs.filter(isAlive);
}

describe('a managed process', () => {
  it('is the command itself, ready when its probe says so', async () => {
    const managed = shell('echo up $$; exec sleep 1000');
    await managed.start();
    expect(managed.logTail()).toBe(`up ${managed.pid}`);
  });

  it('stops on SIGTERM, and tells that this was asked for', async () => {
    const exits: ProcessExit[] = [];
    const managed = shell('trap "exit 7" TERM; echo up; while :; do sleep 0.02; done');
    managed.onExit((exit) => exits.push(exit));
    await managed.start();
    await managed.stop();
    expect(managed.pid).toBeUndefined();
    expect(exits).toEqual([{ code: 7, signal: null, expected: true }]);
  });

  it('is killed when it does not stop in time', async () => {
    const managed = shell('trap "" TERM; echo up; while :; do sleep 0.02; done', { stopTimeoutMillis: 100 });
    await managed.start();
    await managed.stop();
    expect(managed.lastExit).toEqual({ code: null, signal: 'SIGKILL', expected: true });
  });

  it('stops when it is paused', async () => {
    const managed = shell('trap "exit 7" TERM; echo up; while :; do sleep 0.02; done');
    await managed.start();
    managed.pause();
    await managed.stop();
    expect(managed.lastExit?.code).toBe(7);
  });

  it('can be paused and resumed', async () => {
    const managed = shell('echo up; while :; do sleep 0.02; done');
    await managed.start();
    const state = (): string | undefined =>
      parseProcStat(readFileSync(`/proc/${managed.pid ?? 0}/stat`, 'utf8'))?.state;
    managed.pause();
    await expect.poll(state, { timeout: 30_000 }).toBe('T');
    managed.resume();
    await expect.poll(state, { timeout: 30_000 }).not.toBe('T');
  });

  it('reports an end that nobody asked for', async () => {
    const managed = shell('echo up; sleep 0.2; exit 3');
    await managed.start();
    expect(await managed.exited()).toEqual({ code: 3, signal: null, expected: false });
  });

  it('starts again after a kill, as a new process', async () => {
    const refs: ProcessRef[] = [];
    const managed = shell('echo up; exec sleep 1000');
    managed.onStart((ref) => refs.push(ref));
    await managed.start();
    await managed.kill();
    await managed.start();
    await managed.restart();
    expect(new Set(refs.map((ref) => ref.pid)).size).toBe(3);
    expect(refs.map(isAlive)).toEqual([false, false, true]);
  });

  it('is not ready when it ends first, and the error shows its log', async () => {
    const managed = shell('echo port is taken; exit 4', { ready: async () => false });
    await expect(managed.start()).rejects.toThrow(
      /ended before it was ready \(exit code 4\)[^]*port is taken/,
    );
  });

  it('does not mistake the answer of another server for its own', async () => {
    const managed = shell('exit 4', {
      ready: async () => {
        await waitUntil(() => managed.lastExit !== undefined, { timeoutMillis: 30_000, what: 'its end' });
        return true;
      },
    });
    await expect(managed.start()).rejects.toThrow(/exit code 4/);
  });

  it('is stopped again when it is not ready in time', async () => {
    const managed = shell('exec sleep 1000', { ready: async () => false, readyTimeoutMillis: 100 });
    await expect(managed.start()).rejects.toThrow(/not ready within 100 ms/);
    expect(managed.pid).toBeUndefined();
  });

  it('fails with a reason when the command does not exist', async () => {
    const spec = {
      name: 'nothing',
      command: '/no/such/program',
      args: [],
      logFile: join(folder, 'nothing.log'),
    };
    await expect(startProcess({ ...spec, ready: async () => false })).rejects.toThrow(/exit code 127/);
  });

  it('takes its descendants along when it is killed', async () => {
    const managed = shell('sleep 1000 & echo up $!; wait');
    await managed.start();
    const grandchild = refOf(Number(managed.logTail().split(' ')[1]));
    await managed.kill();
    expect(await survivors([grandchild])).toEqual([]);
  });
});

/** A program that starts three processes, prints their pids and waits: one plain, one with a child, one paused. */
const parentProgram = `
  import { startProcess } from ${JSON.stringify(new URL('managed-process.ts', import.meta.url).href)};
  const folder = process.argv[1];
  const start = (name, script) =>
    startProcess({ name, command: '/bin/sh', args: ['-c', script], logFile: folder + '/' + name + '.log' });
  const plain = await start('plain', 'exec sleep 1000');
  const family = await start('family', "trap '' INT TERM HUP; sleep 1000 & wait");
  const paused = await start('paused', 'exec sleep 1000');
  paused.pause();
  console.log(JSON.stringify([plain.pid, family.pid, paused.pid]));
  process.stdin.once('data', () => { throw new Error('a crash'); });
`;

describe('when the parent ends', () => {
  let parent: ChildProcess | undefined;

  afterEach(() => {
    parent?.kill('SIGKILL');
  });

  async function startParent(): Promise<{
    readonly child: ChildProcess;
    readonly refs: readonly ProcessRef[];
  }> {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', parentProgram, folder],
      { stdio: ['pipe', 'pipe', 'ignore'], detached: true },
    );
    parent = child;
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const refs = z
      .array(z.number())
      .parse(JSON.parse(String(line)))
      .map(refOf);
    expect(refs.map(isAlive)).toEqual([true, true, true]);
    return { child, refs };
  }

  it.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s, nothing is left', async (signal) => {
    const { child, refs } = await startParent();
    child.kill(signal);
    expect(await survivors(refs)).toEqual([]);
  });

  it('by a crash, nothing is left', async () => {
    const { child, refs } = await startParent();
    child.stdin?.write('now\n');
    expect(await survivors(refs)).toEqual([]);
  });

  it('by SIGKILL to its whole process group, as a terminal or a CI runner may do, nothing is left', async () => {
    const { child, refs } = await startParent();
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    expect(await survivors(refs)).toEqual([]);
  });
});
