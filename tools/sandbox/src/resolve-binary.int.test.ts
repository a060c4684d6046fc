import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveBinaryWithSource } from './resolve-binary.ts';
import { SetupError } from './setup-error.ts';

let folder = '';
let notes: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resolve-'));
  notes = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

function script(name: string, body: string): void {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** Stands in for Go: builds a program that prints a version, and counts how often it was asked to. */
function fakeGo(exit = 0): void {
  script(
    'path/go',
    `PATH=/usr/bin:/bin
     if [ "$1" = version ]; then echo "go version go1.26.0 linux/amd64"; exit 0; fi
     echo built >> ${folder}/count
     while [ "$1" != -o ]; do shift; done
     printf '#!/bin/sh\\necho nats-server: v2.15.2\\n' > "$2"
     chmod +x "$2"
     echo compiling the thing
     sleep 0.3
     exit ${exit}`,
  );
}

async function resolve(
  env: Readonly<Record<string, string>> = {},
): Promise<{ path: string; source: string }> {
  return resolveBinaryWithSource('nats-server', {
    env: { PATH: join(folder, 'path'), SAGAMESH_CACHE: join(folder, 'cache'), ...env },
    note: (line) => notes.push(line),
  });
}

function builds(): number {
  return readFileSync(join(folder, 'count'), 'utf8').split('\n').length - 1;
}

describe('finding a server program', () => {
  it('prefers KUBEBUILDER_ASSETS to PATH', async () => {
    script('assets/nats-server', 'echo nats-server: v2.11.0');
    script('path/nats-server', 'echo nats-server: v2.12.0');
    const found = await resolve({ KUBEBUILDER_ASSETS: join(folder, 'assets') });
    expect(found).toEqual({ path: join(folder, 'assets', 'nats-server'), source: 'KUBEBUILDER_ASSETS' });
  });

  it('passes over an old one with a note and goes on along PATH', async () => {
    script('path/nats-server', 'echo nats-server: v2.9.10');
    script('later/nats-server', 'echo nats-server: v2.10.0');
    const found = await resolve({ PATH: `${join(folder, 'path')}:${join(folder, 'later')}` });
    expect(found).toEqual({ path: join(folder, 'later', 'nats-server'), source: 'PATH' });
    expect(notes.join('\n')).toContain('version 2.9.10 is older than 2.10.0');
  });

  it('says what to do when there is neither a program nor Go', async () => {
    await expect(resolve()).rejects.toThrow(SetupError);
    await expect(resolve()).rejects.toThrow(/install Go[^]*on PATH[^]*KUBEBUILDER_ASSETS/);
  });
});

describe('building a server program', () => {
  it('happens once, also for two who ask at the same time', async () => {
    fakeGo();
    const both = await Promise.all([resolve(), resolve()]);
    expect(both[0].path).toBe(both[1].path);
    expect(await resolve()).toEqual({ path: both[0].path, source: 'cache' });
    expect(builds()).toBe(1);
  });

  it('leaves the program under a plain name, and nothing half done', async () => {
    fakeGo();
    const { path } = await resolve();
    expect(readFileSync(join(folder, 'cache', 'bin', 'nats-server'), 'utf8')).toBe(
      readFileSync(path, 'utf8'),
    );
    expect(readdirSync(join(folder, 'cache', 'builds')).filter((name) => /tmp|lock/.test(name))).toEqual([]);
  });

  it('shows why it failed, keeps nothing, and tries again the next time', async () => {
    fakeGo(1);
    await expect(resolve()).rejects.toThrow(/building nats-server v[\d.]+ failed[^]*compiling the thing/);
    fakeGo();
    expect((await resolve()).source).toBe('build');
    expect(builds()).toBe(2);
  });
});
