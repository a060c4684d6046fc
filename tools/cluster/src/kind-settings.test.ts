import { describe, expect, it } from 'vitest';
import { readKindSettings } from './kind-settings.ts';
import type { FileLook } from './kind-settings.ts';

const values = 'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {}\n';
const files: Readonly<Record<string, FileLook>> = {
  '/opt/istioctl': { kind: 'file', executable: true, text: () => '' },
  '/opt/readme': { kind: 'file', executable: false, text: () => '' },
  '/opt': { kind: 'folder', executable: false, text: () => '' },
  '/site/values.yaml': { kind: 'file', executable: false, text: () => values },
  '/site/other.yaml': { kind: 'file', executable: false, text: () => 'kind: ConfigMap\n' },
  '/site/gateway.yaml': { kind: 'file', executable: false, text: () => `${values}  x: {nodePort: 30443}\n` },
};
const missing: FileLook = { kind: 'missing', executable: false, text: () => '' };
const read = (env: Readonly<Record<string, string>>) =>
  readKindSettings(
    env,
    (path) => files[path] ?? missing,
    (path) => (path.startsWith('/') ? path : `/site/${path}`),
  );

describe('the settings of kind-up', () => {
  it('are those of the usual registries when nothing is set, also when a variable is empty', () => {
    const usual = {
      kindNodeImage: undefined,
      nodeImage: 'node:24-bookworm-slim',
      npmRegistry: undefined,
      images: {},
      istio: { istioctl: 'istioctl', hub: undefined, tag: undefined, valuesFile: undefined },
    };
    expect(read({})).toEqual({ ok: true, settings: usual });
    expect(read({ ISTIO_HUB: '', NATS_IMAGE: ' ', ISTIO_VALUES: '' })).toEqual({ ok: true, settings: usual });
  });

  it('take everything from the site', () => {
    const result = read({
      KIND_NODE_IMAGE: 'registry.site:5000/kind/node:v1.35.4',
      NODE_IMAGE: 'registry.site/node:24',
      NATS_IMAGE: `registry.site/nats@sha256:${'a'.repeat(64)}`,
      POSTGRES_IMAGE: 'postgres:17',
      IMAGE_REGISTRY: 'registry.site:5000/shop/',
      ISTIO_HUB: 'registry.site/istio/',
      ISTIO_TAG: '1.31.0-debug',
      ISTIOCTL: '/opt/istioctl',
      ISTIO_VALUES: 'values.yaml',
      NPM_CONFIG_REGISTRY: 'https://npm.site/',
    });
    expect(result).toMatchObject({
      ok: true,
      settings: {
        kindNodeImage: 'registry.site:5000/kind/node:v1.35.4',
        images: { registry: 'registry.site:5000/shop/', postgres: 'postgres:17' },
        istio: { istioctl: '/opt/istioctl', hub: 'registry.site/istio', valuesFile: '/site/values.yaml' },
      },
    });
  });

  it.each([
    [{ IMAGE_REGISTRY: 'https://registry.site/shop' }, 'without scheme'],
    [{ IMAGE_REGISTRY: 'registry.site/shop:1' }, 'without scheme or tag'],
    [{ NATS_IMAGE: 'Nats:2' }, 'NATS_IMAGE=Nats:2: expected an image'],
    [{ POSTGRES_IMAGE: 'postgres 15' }, 'expected an image'],
    [{ KIND_NODE_IMAGE: '-v' }, 'expected an image'],
    [{ NODE_IMAGE: 'node:24 --privileged' }, 'expected an image'],
    [{ ISTIO_TAG: 'a/b' }, 'expected a tag'],
    [{ ISTIOCTL: '/opt/nothing' }, 'there is nothing at this path'],
    [{ ISTIOCTL: '/opt' }, 'there is a folder at this path'],
    [{ ISTIOCTL: '/opt/readme' }, 'not executable'],
    [{ ISTIO_VALUES: 'nothing.yaml' }, 'there is nothing at this path'],
    [{ ISTIO_VALUES: 'other.yaml' }, 'kind: IstioOperator'],
    [{ ISTIO_VALUES: 'gateway.yaml' }, 'NodePort 30443'],
    [{ NPM_CONFIG_REGISTRY: 'npm.site' }, 'expected http:// or https://'],
  ])('refuse %j and say why', (env, why) => {
    const result = read(env);
    expect(result).toMatchObject({ ok: false });
    expect(result.ok ? [] : result.problems).toEqual([expect.stringContaining(why)]);
  });

  it('name all problems at once', () => {
    const result = read({ NATS_IMAGE: '!', ISTIO_TAG: '!', ISTIOCTL: './none' });
    expect(result.ok ? 0 : result.problems.length).toBe(3);
  });
});
