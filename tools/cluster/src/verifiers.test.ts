import { describe, expect, it } from 'vitest';
import {
  gatewaysThatVerify,
  keyPodsSchema,
  knowsAll,
  servicesThatSign,
  servicesThatVerify,
  signsWith,
} from './verifiers.ts';

const pod = (name: string, volume: object, more: object = {}) => ({
  metadata: { name, namespace: 'shop', ...more },
  spec: {
    volumes: [{ name: 'keys', ...volume }, { name: 'tmp' }],
    containers: [
      {
        name,
        volumeMounts: [
          { name: 'keys', mountPath: '/etc/keys' },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
  },
  status: { phase: 'Running' },
});

const { items } = keyPodsSchema.parse({
  items: [
    pod('order', { configMap: { name: 'jwks' } }),
    pod('user', { secret: { secretName: 'user-signing-keys' } }),
    pod('notification', { configMap: { name: 'other' } }),
    pod('leaving', { configMap: { name: 'jwks' } }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
  ],
});

describe('who knows the keys', () => {
  it('are the pods that mount them and stay, each asked for its own file', () => {
    const [order, ...more] = servicesThatVerify(items);
    expect(more).toEqual([]);
    expect(order).toMatchObject({ pod: 'order', namespace: 'shop' });
    expect(order?.command.join(' ')).toContain('-c order -- node -e');
    expect(order?.command.join(' ')).toContain('/etc/keys/jwks.json');
    expect(servicesThatSign(items, 'user-signing-keys').map((holder) => holder.pod)).toEqual(['user']);
  });

  it('are the proxies of the gateway, by their own configuration', () => {
    expect(gatewaysThatVerify(items.slice(0, 1))[0]?.command).toContain('pilot-agent');
  });

  it('know a key when its name is there, however it is quoted', () => {
    expect(
      knowsAll(String.raw`{"inline_string":"{\"keys\":[{\"kid\":\"one\"},{\"kid\":\"two\"}]}"}`, [
        'one',
        'two',
      ]),
    ).toBe(true);
    expect(knowsAll('{"keys":[{"kid":"one"}]}', ['one', 'two'])).toBe(false);
  });

  it('sign with a key only when it is in that state', () => {
    const file = JSON.stringify({
      keys: [
        { kid: 'old', state: 'signing' },
        { kid: 'new', state: 'next' },
      ],
    });
    expect([signsWith(file, 'old'), signsWith(file, 'new')]).toEqual([true, false]);
  });
});
