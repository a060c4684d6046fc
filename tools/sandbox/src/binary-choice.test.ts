import { describe, expect, it } from 'vitest';
import { parseVersion, recipeOf } from './binary-catalog.ts';
import { chooseBinary, type Surroundings } from './binary-choice.ts';

const nothing: Surroundings = {
  recipe: recipeOf('kubectl'),
  found: [],
  cached: undefined,
  go: undefined,
  cacheFolder: '/cache',
};
const old = { source: 'PATH', path: '/usr/bin/kubectl', version: parseVersion('1.32.4') } as const;
const usable = { source: 'PATH', path: '/opt/kubectl', version: parseVersion('1.34.0') } as const;
const asset = {
  source: 'KUBEBUILDER_ASSETS',
  path: '/assets/kubectl',
  version: parseVersion('1.33.0'),
} as const;
const broken = { source: 'PATH', path: '/bad/kubectl', version: undefined } as const;
const go = parseVersion('1.26.0');

describe('choosing a server program', () => {
  it('takes the first that is new enough', () => {
    const choice = chooseBinary({ ...nothing, found: [asset, usable], cached: '/cache/kubectl', go });
    expect(choice).toEqual({ kind: 'use', source: 'KUBEBUILDER_ASSETS', path: '/assets/kubectl', notes: [] });
  });

  it('passes over what is too old or broken, and says why', () => {
    const choice = chooseBinary({ ...nothing, found: [old, broken, usable] });
    expect(choice).toEqual({
      kind: 'use',
      source: 'PATH',
      path: '/opt/kubectl',
      notes: [
        'passed over /usr/bin/kubectl (PATH): version 1.32.4 is older than 1.33.0',
        'passed over /bad/kubectl (PATH): it does not run, or does not tell its version',
      ],
    });
  });

  it('prefers the cache to a build', () => {
    const choice = chooseBinary({ ...nothing, found: [old], cached: '/cache/kubectl', go });
    expect(choice).toMatchObject({ kind: 'use', source: 'cache', path: '/cache/kubectl' });
  });

  it('needs no Go when the cache has it', () => {
    expect(chooseBinary({ ...nothing, cached: '/cache/kubectl' }).kind).toBe('use');
  });

  it('builds with Go when nothing usable is there', () => {
    expect(chooseBinary({ ...nothing, found: [old], go }).kind).toBe('build');
  });

  it('names every way out when there is no Go either', () => {
    const choice = chooseBinary({ ...nothing, found: [old] });
    const message = choice.kind === 'missing' ? choice.message : '';
    expect(message).toContain('kubectl is missing');
    expect(message).toContain('passed over /usr/bin/kubectl');
    expect(message).toContain('install Go 1.21.0 or newer');
    expect(message).toContain('put kubectl 1.33.0 or newer on PATH');
    expect(message).toContain('set KUBEBUILDER_ASSETS');
  });

  it('does not try a Go that is too old to fetch the toolchain it needs', () => {
    const choice = chooseBinary({ ...nothing, go: parseVersion('1.19.8') });
    expect(choice.kind === 'missing' && choice.message).toContain('Go 1.19.8 is too old');
  });
});
