import { join } from 'node:path';
import { repository } from '@sagamesh/sandbox/system/manifests';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { judgeAll } from '../checklist.ts';
import type { Facts } from '../facts.ts';
import { honestFacts } from '../testing/honest-facts.ts';
import { gatherCode } from './code-facts.ts';
import { manifestFacts, readManifests, secondsOf } from './manifest-facts.ts';

/** The real manifests, with one object broken as a person would break it. */

const objects = readManifests(join(repository, 'manifests', 'kind'));
const code = gatherCode(repository);

/** What is running is not the question here. */
function factsOf(changed: readonly unknown[]): Facts {
  return {
    ...honestFacts,
    services: code.services.map(({ name }) => name),
    code,
    manifests: [manifestFacts('kind', changed)],
  };
}

function problemsOf(changed: readonly unknown[]): readonly string[] {
  return judgeAll(factsOf(changed))
    .filter(({ ok }) => !ok)
    .flatMap(({ number, evidence }) =>
      evidence
        .split('; ')
        .filter((one) => one.startsWith('manifests'))
        .map((one) => `${number} ${one}`),
    );
}

const namedSchema = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) });

const isObject = (object: unknown, kind: string, name: string) => {
  const named = namedSchema.safeParse(object).data;
  return named?.kind === kind && named.metadata.name === name;
};

/** The text of one object is changed, so nothing but the YAML has to be known. */
function broken(kind: string, name: string, from: string, to: string): readonly unknown[] {
  return objects.map((object): unknown => {
    if (!isObject(object, kind, name)) return object;
    const text = JSON.stringify(object);
    if (!text.includes(from)) throw new Error(`${kind} ${name} has no ${from}`);
    return JSON.parse(text.replace(from, to));
  });
}

const without = (kind: string, name: string) => objects.filter((object) => !isObject(object, kind, name));

describe('the facts of the real manifests', () => {
  const facts = manifestFacts('kind', objects);

  it('name every service, a store for each that keeps data, and everybody who may call', () => {
    const apps = facts.workloads.map(({ app }) => app);
    expect(apps).toEqual(expect.arrayContaining([...factsOf(objects).services]));
    expect(facts.callers).toContainEqual({
      policy: 'AuthorizationPolicy',
      callee: 'order-db',
      from: ['order'],
    });
    expect(facts.callers).toContainEqual({ policy: 'NetworkPolicy', callee: 'inventory', from: [] });
    expect(facts.limits).toEqual([
      { name: 'orders', requests: 100, seconds: 60 },
      { name: 'users', requests: 200, seconds: 60 },
    ]);
  });

  it('have no problem', () => {
    expect(problemsOf(objects)).toEqual([]);
  });
});

describe('a broken manifest', () => {
  it('without the DestinationRule of a service has no circuit breaker', () => {
    expect(problemsOf(without('DestinationRule', 'order'))).toEqual([
      '4 manifests: kind: order has no circuit breaker',
      '12 manifests: kind: nothing breaks the circuit from gateway to order',
    ]);
  });

  it('with a DestinationRule that sets no pool has no limit', () => {
    expect(problemsOf(broken('DestinationRule', 'user', '"maxConnections"', '"maxConnection"'))).toEqual([
      '4 manifests: kind: user has no limit of connections',
    ]);
  });

  it("that lets a service into another's database shares it", () => {
    const changed = broken('AuthorizationPolicy', 'order-db', '"shop/order"', '"shop/order","shop/payment"');
    expect(problemsOf(changed)).toEqual([
      '9 manifests: kind: AuthorizationPolicy of order-db admits order, payment',
    ]);
  });

  it("that hands a service another's Secret shares the store", () => {
    const secret = '"name":"DATABASE_URL","valueFrom":{"secretKeyRef":{"key":"url","name":';
    const changed = broken('Deployment', 'payment', `${secret}"payment-db"`, `${secret}"order-db"`);
    expect(problemsOf(changed)).toEqual([
      '1 manifests: kind: order-db/url is the store of more than one service',
      '9 manifests: kind: payment is given the store of order in DATABASE_URL',
    ]);
  });

  it('with a NetworkPolicy that lets a service call another chains them', () => {
    const changed = broken('NetworkPolicy', 'order', '"app":"gateway"', '"app":"payment"');
    expect(problemsOf(changed)).toEqual(['10 manifests: kind: NetworkPolicy lets payment call order']);
  });

  it('that retries a POST, or leaves it to the mesh, sends it twice', () => {
    const changed = broken('VirtualService', 'orders', '"attempts":0', '"attempts":3');
    expect(problemsOf(changed)).toEqual(['12 manifests: kind: orders-write is sent 3 times again']);
  });

  it('with another limit in the EnvoyFilter is seen', () => {
    const changed = broken('EnvoyFilter', 'rate-limit', '"max_tokens":100', '"max_tokens":500');
    expect(problemsOf(changed)).toEqual(['5 manifests: kind: orders is limited to 500, not 100 a minute']);
  });

  it('whose gateway asks for no token is open', () => {
    const from = '{"from":[{"source":{"requestPrincipals":["https://users.sagamesh.local/*"]}}],"to"';
    const changed = broken('AuthorizationPolicy', 'public-api', from, '{"to"');
    expect(problemsOf(changed)).toEqual(['5 manifests: kind: orders-write is open without a token']);
  });

  it('without a Deployment misses a service', () => {
    expect(problemsOf(without('Deployment', 'notification'))).toContain(
      '8 manifests: kind: notification has no Deployment of its own',
    );
  });
});

it.each([
  ['10000ms', 10],
  ['30s', 30],
  ['1m', 60],
  ['1h', 3_600],
  ['soon', Number.NaN],
])('%s are %d seconds', (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});
