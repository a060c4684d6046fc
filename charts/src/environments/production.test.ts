import { describe, expect, it } from 'vitest';
import { environments, synthesize } from '../synthesize.ts';
import { controllersOf, ofKind, outsideHostsOf } from '../testing/manifest-view.ts';

/** What an installation for real customers has, and one to try things on has not. */

const objects = synthesize('production').flatMap((file) => file.objects);
const services = ['order', 'inventory', 'payment', 'notification', 'user'];

describe('the production manifests', () => {
  it('keep streams on three servers, and each write on disk before it is acknowledged', () => {
    const nats = controllersOf(objects).find(({ object }) => object.metadata.name === 'nats');
    expect(nats?.replicas).toBe(3);
    const [config] = ofKind(objects, 'ConfigMap').filter(({ metadata }) => metadata.name === 'nats-config');
    expect(JSON.stringify(config?.['data'])).toContain('sync_interval: always');
    const replicas = controllersOf(objects).flatMap(({ template }) =>
      template.spec.containers.flatMap(({ env }) =>
        env.filter(({ name }) => name === 'NATS_REPLICAS').map(({ value }) => value),
      ),
    );
    expect(replicas).toEqual(Array.from({ length: services.length + 1 }, () => '3'));
  });

  it('run each service at least twice, as many more as it takes, and the operator twice', () => {
    const scalers = ofKind(objects, 'HorizontalPodAutoscaler');
    expect(scalers.map(({ metadata }) => metadata.name)).toEqual(services);
    for (const { spec } of scalers) expect(spec).toMatchObject({ minReplicas: 2, maxReplicas: 6 });
    const operator = controllersOf(objects).find(
      ({ object }) => object.metadata.name === 'sagamesh-operator',
    );
    expect(operator?.replicas).toBe(2);
  });

  it('have no database and no stand-in of the world outside, but a way to each real one', () => {
    const names = controllersOf(objects).map(({ object }) => object.metadata.name);
    expect(names.filter((name) => /-db$|sink|provider/.test(name))).toEqual([]);
    const reached = outsideHostsOf(objects).map(({ host }) => host);
    expect(reached).toEqual(environments.production.externalHosts.map(({ host }) => host));
    expect(reached).toHaveLength(7);
  });
});
