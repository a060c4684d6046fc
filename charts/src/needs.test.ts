import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { environmentNames, environments, synthesize } from './synthesize.ts';
import { controllersOf, type Controller } from './testing/manifest-view.ts';

/** What an installation asks of its cluster: room, and Secrets that somebody has made. */

const controllersIn = (name: (typeof environmentNames)[number]) =>
  controllersOf(synthesize(name).flatMap(({ objects }) => objects));

const units: Readonly<Record<string, number>> = { m: 0.001, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

function quantity(text: string): number {
  const [, number = '', unit = ''] = /^(\d+)([a-zA-Z]*)$/.exec(text) ?? [];
  const factor = unit === '' ? 1 : units[unit];
  if (number === '' || factor === undefined) throw new Error(`${text} is no quantity that is known here`);
  return Number(number) * factor;
}

/** Of a pod and its sidecar, times its replicas. */
function requested({ template, replicas = 1 }: Controller, resource: 'cpu' | 'memory'): number {
  const annotation = resource === 'cpu' ? 'sidecar.istio.io/proxyCPU' : 'sidecar.istio.io/proxyMemory';
  const sidecar = template.metadata.annotations[annotation];
  const own = template.spec.containers.map(({ resources }) => resources?.requests?.[resource] ?? '0');
  return replicas * [...own, sidecar ?? '0'].reduce((sum, text) => sum + quantity(text), 0);
}

describe('what the manifests need', () => {
  it('fits two cores and 8 GiB in kind, with half of both left for the cluster, istiod and bursts', () => {
    const controllers = controllersIn('kind');
    const sum = (resource: 'cpu' | 'memory') =>
      controllers.reduce((total, one) => total + requested(one, resource), 0);
    expect(controllers.length).toBeGreaterThan(10);
    expect(sum('cpu')).toBeLessThan(1);
    expect(sum('memory')).toBeLessThan(4 * 2 ** 30);
    expect(sum('memory')).toBeGreaterThan(2 ** 30);
  });

  it.each(environmentNames)('is no Secret in %s that the README does not list', (name) => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const secrets = controllersIn(name).flatMap(({ template: { spec } }) => [
      ...spec.containers.flatMap(({ env }) => env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)),
      ...spec.volumes.map(secretOfVolume),
    ]);
    const names = [...new Set(secrets)].filter((one) => one !== undefined).toSorted();
    expect(names.filter((one) => !readme.includes(`\`${one}\``))).toEqual([]);
    expect(names).toContain('nats-users');
    expect(names).toContain('user-signing-keys');
    expect(names.includes('notification-channels')).toBe(environments[name].channels.kind === 'secret');
  });
});

function secretOfVolume({ secret }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof secret !== 'object' || secret === null || !('secretName' in secret)) return undefined;
  return String(secret.secretName);
}
