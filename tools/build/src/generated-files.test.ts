import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { orderTotalCents } from '@sagamesh/contracts/order';
import { orderSagaSpecSchema } from '@sagamesh/contracts/order-saga';
import { asyncApi } from './asyncapi.ts';
import { generatedFiles, generatedFolders } from './generated-files.ts';
import { differences, repair } from './generated-tree.ts';
import { eventTypes, messageSchemas } from './message-schemas.ts';
import { operatorRbac, userRoles } from './operator-rbac.ts';
import { sampleOrders } from './sample-orders.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const files = generatedFiles();

// Some 15,000 lines of YAML: a second, or many on a machine that has other things to do.
describe('the generated files', { timeout: 60_000 }, () => {
  it('stand in the repository as their sources say (run make synth)', () => {
    expect(differences(root, files, generatedFolders)).toEqual([]);
  });

  it('are the same bytes each time', () => {
    expect(generatedFiles()).toEqual(files);
  });

  it('are readable YAML or JSON, and say where they come from', () => {
    for (const { path, content } of files) {
      const documents = parseAllDocuments(content);
      expect(documents.length).toBeGreaterThan(0);
      expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
      expect(path.endsWith('.json') || content.includes('by `make synth`')).toBe(true);
    }
  });
});

describe('the check of generated files', () => {
  let folder: string;
  const files = [
    { path: 'made/a.yaml', content: 'a: 1\n' },
    { path: 'made/b.yaml', content: 'b: 1\n' },
  ];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'generated-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('finds what is missing, changed and left over, and repair heals all three', () => {
    repair(folder, files, differences(folder, files, ['made']));
    rmSync(join(folder, 'made/a.yaml'));
    writeFileSync(join(folder, 'made/b.yaml'), 'b: 2\n');
    writeFileSync(join(folder, 'made/old.yaml'), 'old: 1\n');
    const off = differences(folder, files, ['made']);
    expect(off).toEqual([
      { path: 'made/a.yaml', kind: 'missing' },
      { path: 'made/b.yaml', kind: 'changed' },
      { path: 'made/old.yaml', kind: 'left over' },
    ]);
    repair(folder, files, off);
    expect(differences(folder, files, ['made'])).toEqual([]);
    expect(readFileSync(join(folder, 'made/b.yaml'), 'utf8')).toBe('b: 1\n');
  });
});

function planOf(name: string) {
  return sampleOrders.find((sample) => sample.name === name)?.saga.spec.steps;
}

describe('the sample orders', () => {
  it('are what zod reads, with unique names and order ids, for payable sums', () => {
    for (const { saga } of sampleOrders) {
      const spec = { ...saga.spec, steps: saga.spec.steps ?? sampleOrders[3]?.saga.spec.steps };
      expect(orderSagaSpecSchema.strict().safeParse(spec).error).toBeUndefined();
      expect(orderTotalCents(saga.spec.order)).toBeGreaterThan(0);
    }
    expect(new Set(sampleOrders.map(({ name }) => name)).size).toBe(sampleOrders.length);
    expect(new Set(sampleOrders.map(({ saga }) => saga.spec.order.id)).size).toBe(sampleOrders.length);
  });

  it('give the lost answer little patience and the late one the default plan', () => {
    const payment = planOf('payment-answer-lost')?.find(({ name }) => name === 'processPayment');
    expect(payment).toMatchObject({ timeoutSeconds: 1, retry: { maxAttempts: 2 } });
    expect(planOf('payment-answer-late')).toBeUndefined();
  });
});

describe('the rights in the manifests', () => {
  const text = JSON.stringify([...operatorRbac(), ...userRoles()]);

  it('hold no wildcard, no secrets and no pods', () => {
    expect(text).not.toContain('"*"');
    expect(text).not.toMatch(/secrets|pods/);
  });

  it('let nobody but the operator write a status', () => {
    expect(JSON.stringify(userRoles())).not.toMatch(/status"\],"verbs":\[[^\]]*(patch|update)/);
  });
});

describe('the message schemas', () => {
  it('cover commands, replies and every event type, each with its version', () => {
    expect(messageSchemas().map(({ name }) => name)).toEqual(['command', 'reply', ...eventTypes]);
    for (const { schema } of messageSchemas()) {
      expect(schema).toMatchObject({ type: 'object', properties: { version: { const: 1 } } });
    }
  });

  it('leave room for keys of later versions', () => {
    expect(JSON.stringify(messageSchemas())).not.toContain('"additionalProperties":false');
  });

  it('are bound together by an AsyncAPI document whose references all lead somewhere', () => {
    const document: unknown = parse(JSON.stringify(asyncApi()));
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      ([, path]) => path ?? '',
    );
    expect(references.length).toBeGreaterThan(30);
    for (const reference of references) {
      let target = document;
      for (const key of reference.split('/')) target = Object(target)[key];
      expect(target).toBeDefined();
    }
  });
});
