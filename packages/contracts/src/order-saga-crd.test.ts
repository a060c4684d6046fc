import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { replyResultsMax } from './bounded-text.ts';
import { defaultPlan, orderSagaSpecSchema, stepSchema, stepsMax } from './order-saga.ts';
import { orderSagaCrd, orderSagaStructuralSchema } from './order-saga-crd.ts';
import { orderSagaRules } from './order-saga-rules.ts';
import { structuralSchema, type StructuralSchema } from './structural-schema.ts';

/** Every schema below spec and status, by its path in the object. */
function walk(schema: StructuralSchema, path: string): readonly (readonly [string, StructuralSchema])[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    walk(property, path === '' ? name : `${path}.${name}`),
  );
  const items = schema.items ? walk(schema.items, `${path}[]`) : [];
  const values = schema.additionalProperties ? walk(schema.additionalProperties, `${path}{}`) : [];
  return [[path, schema], ...below, ...items, ...values];
}

const all = walk(orderSagaStructuralSchema(), '');
const ours = all.filter(([path]) => path.startsWith('spec') || path.startsWith('status'));
const at = (path: string): StructuralSchema => {
  const found = all.find(([candidate]) => candidate === path);
  if (!found) throw new Error(`no schema at ${path}`);
  return found[1];
};

describe('the CRD of OrderSaga', () => {
  it('bounds every string, list, map and number that people write', () => {
    const unbounded = ours.filter(([path, schema]) => {
      switch (schema.type) {
        case 'string':
          return schema.maxLength === undefined && schema.enum === undefined;
        case 'array':
          return schema.maxItems === undefined;
        case 'integer':
          return path.startsWith('spec') && (schema.minimum === undefined || schema.maximum === undefined);
        case 'object':
          return schema.additionalProperties !== undefined && schema.maxProperties === undefined;
        case 'boolean':
          return false;
      }
    });
    expect(unbounded.map(([path]) => path)).toEqual([]);
    expect(ours.length).toBeGreaterThan(50);
  });

  it('uses only keywords that a structural schema knows', () => {
    const known =
      /^(description|type|format|enum|default|pattern|minimum|maximum|m(in|ax)Length|m(in|ax)Items|maxProperties|required|properties|items|additionalProperties|x-kubernetes-(list-type|list-map-keys|validations))$/;
    expect(
      all.flatMap(([, schema]) => Object.keys(schema)).filter((keyword) => !known.test(keyword)),
    ).toEqual([]);
  });

  it('explains every field of spec that people write', () => {
    const silent = ours.filter(
      ([path, schema]) => path.startsWith('spec.') && !/(\[\]|\{\})$/.test(path) && !schema.description,
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  it('counts money and amounts in whole numbers', () => {
    expect(at('spec.order.items[].unitPriceCents')).toMatchObject({ type: 'integer', minimum: 1 });
    expect(at('spec.order.items[].quantity')).toMatchObject({ type: 'integer', minimum: 1 });
  });

  it('defaults steps to the whole default plan, so nothing is left to a controller', () => {
    expect(at('spec.steps').default).toEqual(stepSchema.array().parse(defaultPlan));
    expect(at('spec').required).toEqual(['order']);
    expect(at('spec.steps[].retry').default).toEqual({});
    expect(at('spec.deadlineSeconds').default).toBe(300);
  });

  it('has room for the results of the longest plan', () => {
    expect(at('status.results').maxProperties).toBe(stepsMax * replyResultsMax);
  });

  it('keeps steps an atomic list, so that a re-order is a change, and merges conditions and step statuses by key', () => {
    expect(at('spec.steps')).toMatchObject({ 'x-kubernetes-list-type': 'atomic', maxItems: stepsMax });
    expect(at('status.conditions')['x-kubernetes-list-map-keys']).toEqual(['type']);
    expect(at('status.steps')['x-kubernetes-list-map-keys']).toEqual(['name']);
  });

  it('puts every rule at a path that exists', () => {
    const placed = Object.keys(orderSagaRules).map((path) => [path, at(path)['x-kubernetes-validations']]);
    expect(Object.fromEntries(placed)).toEqual(orderSagaRules);
  });

  it('answers a text that does not match in words', () => {
    expect(at('spec.order.currency')['x-kubernetes-validations']).toEqual([
      {
        rule: "self.matches('^[A-Z]{3}$')",
        message: expect.stringMatching(/^must be an ISO 4217 currency code/),
      },
    ]);
  });

  it('writes patterns that JavaScript and RE2 read alike', () => {
    const rules = all.flatMap(([, schema]) => schema['x-kubernetes-validations'] ?? []);
    const patterns = rules.filter(({ rule }) => rule.startsWith('self.matches'));
    expect(patterns.length).toBeGreaterThan(8);
    expect(patterns.filter(({ rule }) => /\\\\[sSdDwWbB]|\(\?[=!<]/.test(rule))).toEqual([]);
  });

  it('shows the columns that an on-call person reads', () => {
    const columns = orderSagaCrd().spec.versions[0]?.additionalPrinterColumns ?? [];
    expect(columns.filter(({ priority }) => priority === undefined).map(({ name }) => name)).toEqual([
      'Outcome',
      'Reason',
      'Step',
      'Progress',
      'Age',
    ]);
    expect(columns.filter(({ priority }) => priority === 1).map(({ name }) => name)).toEqual([
      'Message',
      'Order',
    ]);
  });
});

describe('the translation to a structural schema', () => {
  it('refuses what cannot be said, instead of dropping it', () => {
    expect(() => structuralSchema(z.object({ price: z.int().positive() }))).toThrow('exclusiveMinimum');
    expect(() => structuralSchema(z.object({ price: z.number() }))).toThrow('type number');
    expect(() => structuralSchema(z.object({ price: z.union([z.string(), z.int()]) }))).toThrow('anyOf');
    expect(() => structuralSchema(z.object({ anything: z.unknown() }))).toThrow('type undefined');
  });
});

function settings(count: number) {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
}

describe('what zod reads of an OrderSaga', () => {
  const order = {
    id: 'order-1001',
    customerId: 'ada',
    currency: 'EUR',
    items: [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4999 }],
    paymentMethod: 'pm_card_visa',
  };
  const withText = (key: string, value: string) =>
    orderSagaSpecSchema.safeParse({ order, steps: [{ ...defaultPlan[3], with: { [key]: value } }] }).success;

  it('counts characters as the API server does, not UTF-16 units', () => {
    expect(withText('note', '🎁'.repeat(256))).toBe(true);
    expect(withText('note', '🎁'.repeat(257))).toBe(false);
    expect(withText('k'.repeat(64), '')).toBe(false);
  });

  it('bounds the number of settings of a step', () => {
    expect(stepSchema.safeParse({ ...defaultPlan[3], with: settings(16) }).success).toBe(true);
    expect(stepSchema.safeParse({ ...defaultPlan[3], with: settings(17) }).success).toBe(false);
  });
});
