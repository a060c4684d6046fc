import { brokerAccesses } from '@sagamesh/contracts/broker-access';
import { synthesize } from '@sagamesh/charts/synthesize';
import { describe, expect, it } from 'vitest';
import { planSecrets, secretObject } from './cluster-secrets.ts';
import type { SecretsPlan } from './cluster-secrets.ts';

const clients = brokerAccesses.map(({ name }) => name);

function makers() {
  let made = 0;
  return {
    password: () => `p${(made += 1)}`,
    certificate: () => ({ certificate: 'cert', privateKey: 'key' }),
    signingKeys: () => '{"keys":[]}',
  };
}

function asStored(plan: SecretsPlan): Map<string, Readonly<Record<string, string>>> {
  return new Map(plan.create.map(({ namespace, name, data }) => [`${namespace}/${name}`, data]));
}

const first = () => planSecrets(new Map(), clients, makers());

describe('the Secrets', () => {
  it('are all made in an empty cluster, each with values of its own', () => {
    const { create, complete, problems } = first();
    expect({ complete, problems }).toEqual({ complete: [], problems: [] });
    const passwords = create.filter(({ name }) => name.endsWith('-db')).map(({ data }) => data['password']);
    expect(new Set(passwords).size).toBe(4);
  });

  it('are those that the manifests name, key by key', () => {
    const stored = asStored(first());
    const text = JSON.stringify(synthesize('kind'));
    const named = [...text.matchAll(/"secretKeyRef":\{([^}]*)\}/g)].map(([, fields]) => `{${fields ?? ''}}`);
    expect(named.length).toBeGreaterThan(20);
    for (const reference of named) {
      const { name, key }: { name: string; key: string } = JSON.parse(reference);
      const holders = [...stored].filter(([path]) => path.endsWith(`/${name}`));
      expect(holders.map(([, data]) => data[key] ?? '').join(''), `${name}/${key}`).toMatch(/./);
    }
    expect(text).toContain('"secretName":"user-signing-keys"');
  });

  it('are left alone when they are there', () => {
    const again = planSecrets(asStored(first()), clients, makers());
    expect(again).toEqual({ create: [], complete: [], problems: [] });
  });

  it('say the same at NATS and at its clients, whichever is left', () => {
    const stored = asStored(first());
    const password = stored.get('shop/order-nats')?.['password'];
    expect(stored.get('shop/nats-users')?.['ORDER_PASSWORD']).toBe(password);
    stored.delete('shop/order-nats');
    const [client] = planSecrets(stored, clients, makers()).create;
    expect(client).toMatchObject({ name: 'order-nats', data: { user: 'order', password } });
    const withoutServer = asStored(first());
    withoutServer.delete('shop/nats-users');
    const [server] = planSecrets(withoutServer, clients, makers()).create;
    expect(server?.data['ORDER_PASSWORD']).toBe(withoutServer.get('shop/order-nats')?.['password']);
  });

  it('get a key that a newer version wants, and keep the others', () => {
    const stored = asStored(first());
    const { create, complete } = planSecrets(stored, [...clients, 'billing'], makers());
    expect(create.map(({ name }) => name)).toEqual(['billing-nats']);
    expect(complete.map(({ name, data }) => [name, Object.keys(data)])).toEqual([
      ['nats-users', ['BILLING_PASSWORD']],
    ]);
  });

  it('are a problem when a database has no password, because another one would not open it', () => {
    const stored = asStored(first()).set('shop/order-db', { username: 'order' });
    expect(planSecrets(stored, clients, makers()).problems).toEqual([
      'Secret shop/order-db has no key password',
    ]);
  });

  it('can be told from those of the site', () => {
    for (const content of first().create) {
      expect(secretObject(content)).toMatchObject({
        metadata: { labels: { 'app.kubernetes.io/managed-by': 'sagamesh-kind-up' } },
      });
    }
  });
});
