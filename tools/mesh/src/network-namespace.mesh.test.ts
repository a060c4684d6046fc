import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NetworkNamespace } from './network-namespace.ts';

const patience = { timeoutMillis: 90_000 } as const;
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'sagamesh-network-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const networkOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
};

/** Processes whose arguments or environment name this text. */
const processesWith = (text: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });

it('is another network, with files of its own, and adds nothing to this one', async () => {
  const before = readdirSync('/sys/class/net');
  const dataDir = await DataDir.open(folder);
  const hosts = dataDir.file('hosts');
  writeFileSync(hosts, '10.0.0.1 only-here\n');
  const network = await NetworkNamespace.open({
    name: 'one',
    dataDir,
    mounts: [{ source: hosts, target: '/etc/hosts' }],
  });
  expect(await network.run('cat', ['/etc/hosts'])).toBe('10.0.0.1 only-here\n');
  expect((await network.run('ip', ['-o', 'link'])).trim().split('\n')).toHaveLength(1);
  expect(readFileSync('/etc/hosts', 'utf8')).not.toContain('only-here');
  expect(readdirSync('/sys/class/net')).toEqual(before);
  await network.close();
  dataDir.close();
});

it('ends with all of its processes when who opened it is killed', async () => {
  const source = fileURLToPath(new URL('network-namespace.ts', import.meta.url));
  const dataDirSource = fileURLToPath(new URL('../../sandbox/src/data-dir.ts', import.meta.url));
  const script = `
    const { DataDir } = await import(${JSON.stringify(dataDirSource)});
    const { NetworkNamespace } = await import(${JSON.stringify(source)});
    const network = await NetworkNamespace.open({ name: 'doomed', dataDir: await DataDir.open(${JSON.stringify(folder)}) });
    const app = network.process({ name: 'app', command: 'sleep', args: ['600'], logFile: ${JSON.stringify(join(folder, 'app.log'))}, env: { ...process.env, DOOMED: ${JSON.stringify(folder)} } });
    await app.start();
    console.log('up');
    setInterval(() => {}, 1e6);`;
  const opener = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise((resolve) => opener.stdout.once('data', resolve));
    const [app] = processesWith(`DOOMED=${folder}`);
    expect(app).toBeDefined();
    const own = networkOf(process.pid);
    // At first it is a shell that has yet to enter the namespace.
    await waitUntil(() => networkOf(app ?? 0) !== own, { ...patience, what: 'the app to enter its network' });
    const network = networkOf(app ?? 0);
    opener.kill('SIGKILL');
    await waitUntil(() => processesWith(`DOOMED=${folder}`).length === 0, {
      ...patience,
      what: 'the app to end',
    });
    await waitUntil(() => !existsSync(`/proc/${app}`), { ...patience, what: 'the app to be gone' });
    const inside = readdirSync('/proc').filter(
      (name) => /^\d+$/.test(name) && networkOf(Number(name)) === network,
    );
    expect(inside).toEqual([]);
  } finally {
    opener.kill('SIGKILL');
  }
});
