import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleAll, findEntries } from './bundle.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bundle-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function run(outfile: string): string {
  return execFileSync(process.execPath, [outfile], { encoding: 'utf8' });
}

const states = async () => (await bundleAll({ root })).map(({ name, state }) => `${name} ${state}`);

describe('the bundles', () => {
  it('run by themselves, CommonJS packages that require parts of Node included', async () => {
    write('services/order/src/legacy.cjs', "module.exports = require('path').posix.sep;");
    write(
      'services/order/src/main.ts',
      "import sep from './legacy.cjs'; const text: string = sep; console.log(text);",
    );
    const [order] = await bundleAll({ root });
    expect(order?.name).toBe('order');
    expect(run(order?.outfile ?? '')).toBe('/\n');
  });

  it('are made again only when something they are made from changed', async () => {
    write('services/order/src/greeting.ts', "export const greeting = 'hello';");
    write('services/order/src/main.ts', "import { greeting } from './greeting.ts'; console.log(greeting);");
    write('operator/src/main.ts', "console.log('operator');");
    expect(await states()).toEqual(['operator built', 'order built']);
    expect(await states()).toEqual(['operator fresh', 'order fresh']);
    write('services/order/src/greeting.ts', "export const greeting = 'good evening';");
    expect(await states()).toEqual(['operator fresh', 'order built']);
    expect(run(join(root, 'dist/order.mjs'))).toBe('good evening\n');
  });

  it('are made again when they, or the record of what they are made from, are gone', async () => {
    write('operator/src/main.ts', "console.log('operator');");
    await states();
    rmSync(join(root, 'dist/operator.mjs'));
    expect(await states()).toEqual(['operator built']);
    write('dist/.stamps/operator.json', '{"optionsHash"');
    expect(await states()).toEqual(['operator built']);
  });

  it('are asked for by name, and a name without a process is an error that lists the names', async () => {
    write('operator/src/main.ts', '');
    write('tools/sinks/src/mail-sink-main.ts', '');
    write('tools/payment-provider/src/main.ts', '');
    expect(findEntries(root).map(({ name }) => name)).toEqual(['operator', 'payment-provider', 'mail-sink']);
    expect(await bundleAll({ root, only: ['mail-sink'] })).toMatchObject([{ name: 'mail-sink' }]);
    await expect(bundleAll({ root, only: ['user'] })).rejects.toThrow(
      'no process named user has a main.ts; there are: operator, payment-provider, mail-sink',
    );
  });

  it('say where a source does not build', async () => {
    write('operator/src/main.ts', "import './missing.ts';");
    await expect(bundleAll({ root })).rejects.toThrow('operator/src/main.ts:1:7');
  });
});

describe('the bundle of each of our processes', () => {
  const names = findEntries(repository)
    .map(({ name }) => name)
    .filter((name) => name === 'operator' || existsSync(join(repository, 'services', name)));

  it.each(names)('%s needs no package beside it to get as far as its configuration', async (name) => {
    const [bundled] = await bundleAll({ only: [name] });
    const alone = join(root, 'main.mjs');
    copyFileSync(bundled?.outfile ?? '', alone);
    const ended = spawnSync(process.execPath, [alone], { env: {}, encoding: 'utf8', timeout: 30_000 });
    expect(ended.stderr).toContain('NATS_URL is missing');
    expect(ended.status).toBe(2);
  });
});
