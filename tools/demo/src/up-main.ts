import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleAll } from '@sagamesh/build/bundle';
import { DataDir, sandboxOwner } from '@sagamesh/sandbox/data-dir';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { startSystem } from '@sagamesh/sandbox/system/system';
import { howToLookAround } from './look-around.ts';
import { sandboxFolder } from './sandbox-folder.ts';

/**
 * `make up [ARGS=--operators=2]`: starts everything in a process of its own that stays when this one ends, and shows its progress until
 * all is ready. `make down` stops it. Exit code: 0 ready, 2 could not be set up.
 */

const { values } = parseArgs({
  options: { supervise: { type: 'boolean', default: false }, operators: { type: 'string', default: '1' } },
});

process.exitCode = values.supervise ? await supervise() : await launch();

async function launch(): Promise<number> {
  const owner = sandboxOwner(sandboxFolder);
  if (owner !== undefined) {
    console.log(`already up (pid ${owner.pid}); make down stops it`);
    return 0;
  }
  const log = openSync(join(await logFolder(), 'up.log'), 'a');
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', import.meta.filename, '--supervise', `--operators=${values.operators}`],
    { detached: true, stdio: ['ignore', log, log, 'ipc'] },
  );
  const code = await new Promise<number>((resolve) => {
    child.on('message', (line) => {
      if (line === 'ready') resolve(0);
      else console.log(line);
    });
    child.once('exit', (exitCode) => resolve(exitCode ?? 1));
  });
  child.disconnect();
  child.unref();
  return code;
}

async function supervise(): Promise<number> {
  const ending = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const tell = (line: string) => void (process.connected && process.send?.(line));
  let dataDir: DataDir | undefined;
  try {
    dataDir = await DataDir.open(sandboxFolder);
    await bundleAll();
    const operators = Number(values.operators);
    const system = await startSystem({ dataDir, operators, gateway: 'if-possible', progress: tell });
    for (const line of await howToLookAround(system)) tell(line);
    tell('ready');
    await ending;
    await system.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    tell(error.message);
    return 2;
  } finally {
    dataDir?.close();
    if (process.connected) process.disconnect();
  }
}

async function logFolder(): Promise<string> {
  const dataDir = await DataDir.open(sandboxFolder);
  const folder = join(dataDir.file('logs', 'up.log'), '..');
  dataDir.close();
  return folder;
}
