import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DataDir, readSandboxState, sandboxOwner, stopSandbox } from './data-dir.ts';
import { ManagedProcess } from './managed-process.ts';
import { isAlive, ownProcess } from './process-identity.ts';
import { SetupError } from './setup-error.ts';

const dirs: DataDir[] = [];
const children: ChildProcess[] = [];

async function newDir(): Promise<DataDir> {
  const dir = await DataDir.temporary();
  dirs.push(dir);
  return dir;
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const dir of dirs.splice(0)) dir.close({ remove: true });
});

function sleeper(dir: DataDir): ManagedProcess {
  const managed = new ManagedProcess({
    name: 'sleeper',
    command: 'sleep',
    args: ['1000'],
    logFile: dir.file('logs', 'sleeper.log'),
  });
  dir.track(managed);
  return managed;
}

function module(file: string): string {
  return JSON.stringify(new URL(file, import.meta.url).href);
}

/** Runs `body` in another process; it may use DataDir, ManagedProcess, `path` and `say`. */
function otherProcess(
  path: string,
  body: string,
): { readonly child: ChildProcess; readonly line: () => Promise<string> } {
  const program = `
    import { DataDir } from ${module('data-dir.ts')};
    import { ManagedProcess } from ${module('managed-process.ts')};
    import { tryPidLock } from ${module('pid-lock.ts')};
    const path = process.argv[1];
    const say = (text) => console.log(text);
    ${body}`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program, path];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  return { child, line };
}

const sandboxBody = `
  const dir = await DataDir.open(path);
  const sleeper = new ManagedProcess({ name: 'sleeper', command: 'sleep', args: ['1000'], logFile: dir.file('x.log') });
  dir.track(sleeper);
  await sleeper.start();`;

describe('the lock of a data folder', () => {
  it('keeps a second sandbox out while the first lives', async () => {
    const dir = await newDir();
    await expect(DataDir.open(dir.path)).rejects.toThrow(SetupError);
    await expect(DataDir.open(dir.path)).rejects.toThrow(`in use by process ${process.pid}`);
  });

  it('is taken over from a sandbox that was killed', async () => {
    const dir = await newDir();
    dir.close();
    const other = otherProcess(dir.path, `${sandboxBody} say('up');`);
    expect(await other.line()).toBe('up');
    await expect(DataDir.open(dir.path)).rejects.toThrow(`in use by process ${other.child.pid}`);
    const gone = once(other.child, 'exit');
    other.child.kill('SIGKILL');
    await gone;
    const again = await DataDir.open(dir.path);
    expect(again.state.processes).toEqual([]);
    again.close();
  });

  it('goes to exactly one of several who find it stale at once', async () => {
    const dir = await newDir();
    dir.close();
    const rounds = 1_000;
    for (let round = 0; round < rounds; round += 1) {
      writeFileSync(dir.file(`contest-${round}`), JSON.stringify({ pid: 2 ** 30, identity: 'long gone' }));
    }
    // All run through the same stale locks at once, so they meet at many of them.
    const body = `
      process.stdin.once('data', () => {
        const rounds = Array.from({ length: ${rounds} }, (_, round) => round);
        const won = rounds.filter((round) => tryPidLock(path + '/contest-' + round).kind === 'acquired');
        say(JSON.stringify(won));
      });
      say('ready');`;
    const others = [otherProcess(dir.path, body), otherProcess(dir.path, body), otherProcess(dir.path, body)];
    for (const other of others) expect(await other.line()).toBe('ready');
    for (const other of others) other.child.stdin?.write('go\n');
    const won = z.array(z.array(z.number()));
    const lists = won.parse(
      await Promise.all(others.map(async ({ line }) => JSON.parse(await line()) as unknown)),
    );
    expect(lists.flat().toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: rounds }, (_, i) => i),
    );
  });
});

describe('what a data folder remembers', () => {
  it('keeps ports over close and open, and no two names share one', async () => {
    const dir = await newDir();
    const [first, second] = [await dir.port('one'), await dir.port('two')];
    expect(first).not.toBe(second);
    dir.close();
    const again = await DataDir.open(dir.path);
    expect([await again.port('one'), await again.port('two')]).toEqual([first, second]);
    again.close();
  });

  it('gives up a port on which a stranger listens', async () => {
    const dir = await newDir();
    const port = await dir.port('one');
    const stranger = createServer().listen(port, '127.0.0.1');
    await once(stranger, 'listening');
    expect(await dir.port('one')).not.toBe(port);
    stranger.close();
  });

  it('records a process while it runs', async () => {
    const dir = await newDir();
    const managed = sleeper(dir);
    await managed.start();
    const recorded = { name: 'sleeper', ...managed.ref };
    expect((await readSandboxState(dir.path)).processes).toEqual([recorded]);
    await managed.stop();
    expect((await readSandboxState(dir.path)).processes).toEqual([]);
  });
});

describe('stopping a sandbox from another shell', () => {
  it('asks the owner to stop, and nothing is left', async () => {
    const dir = await newDir();
    dir.close();
    const body = `${sandboxBody}
      process.on('SIGTERM', async () => { await sleeper.stop(); dir.close(); process.exit(0); });
      say('up');`;
    const other = otherProcess(dir.path, body);
    expect(await other.line()).toBe('up');
    const [sleeping] = (await readSandboxState(dir.path)).processes;
    const exit = once(other.child, 'exit');
    expect(await stopSandbox(dir.path)).toBe(true);
    expect(await exit).toEqual([0, null]);
    expect(sleeping !== undefined && isAlive(sleeping)).toBe(false);
    expect(sandboxOwner(dir.path)).toBeUndefined();
  });

  it('kills an owner that does not listen', async () => {
    const dir = await newDir();
    dir.close();
    const other = otherProcess(dir.path, `${sandboxBody} process.on('SIGTERM', () => undefined); say('up');`);
    expect(await other.line()).toBe('up');
    const [sleeping] = (await readSandboxState(dir.path)).processes;
    expect(await stopSandbox(dir.path, { timeoutMillis: 200 })).toBe(true);
    expect(sleeping !== undefined && isAlive(sleeping)).toBe(false);
  });

  it('leaves alone a stranger who has got the pid of a recorded process', async () => {
    const dir = await newDir();
    const stranger = sleeper(dir);
    await stranger.start();
    dir.close();
    const processes = [{ name: 'etcd', pid: stranger.pid, identity: 'an earlier process' }];
    writeFileSync(dir.file('sandbox.json'), JSON.stringify({ ...dir.state, processes }));
    expect(await stopSandbox(dir.path)).toBe(false);
    expect(stranger.ref !== undefined && isAlive(stranger.ref)).toBe(true);
    await stranger.kill();
  });

  it('has nothing to do where nothing runs', async () => {
    const dir = await newDir();
    dir.close();
    expect(await stopSandbox(dir.path)).toBe(false);
  });

  it('does not stop its own process', async () => {
    const dir = await newDir();
    await expect(stopSandbox(dir.path)).rejects.toThrow(/owns the sandbox/);
    expect(sandboxOwner(dir.path)).toEqual(ownProcess());
  });
});
