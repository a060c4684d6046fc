import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repository } from '@sagamesh/sandbox/system/manifests';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeAll } from '../checklist.ts';
import type { ServiceCode } from '../facts.ts';
import { honestFacts } from '../testing/honest-facts.ts';
import { gatherCode } from './code-facts.ts';
import { callAt, findAll, withoutComments } from './source-text.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'checklist-'));
  write('packages/runtime/package.json', workspace('@sagamesh/runtime', { './http': './src/http.ts' }));
  write('packages/runtime/src/http.ts', 'export const port = 3000;');
  write('services/order/package.json', workspace('@sagamesh/service-order'));
  write(
    'services/order/src/main.ts',
    "import './order-store.ts';\nimport { port } from '@sagamesh/runtime/http';",
  );
  write('services/order/src/order-store.ts', 'export const sql = `create table orders (id text)`;');
  write(
    'services/inventory/package.json',
    workspace('@sagamesh/service-inventory', { './stock': './src/stock.ts' }),
  );
  write('services/inventory/src/main.ts', "import './stock.ts';");
  write('services/inventory/src/stock.ts', 'export const sql = `create table stock (sku text)`;');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Not written out: whoever reads the imports of this file would take it for one. */
const dynamicImport = (specifier: string) => ['await import', `('${specifier}')`].join('');

const workspace = (name: string, exports: Readonly<Record<string, string>> = {}) =>
  JSON.stringify({ name, exports });

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function order(): ServiceCode {
  const found = gatherCode(root).services.find(({ name }) => name === 'order');
  if (found === undefined) throw new Error('no order service');
  return found;
}

/** Point and problem, as the code alone makes them. */
function problems(): readonly string[] {
  const { services } = gatherCode(root);
  const facts = { ...honestFacts, code: { ...honestFacts.code, services } };
  return judgeAll(facts).flatMap(({ number, ok, evidence }) =>
    ok ? [] : evidence.split('; ').map((one) => `${number} ${one}`),
  );
}

describe('the code of a service', () => {
  it('is what its main.ts reaches, through packages of ours as well', () => {
    expect(order()).toMatchObject({ reached: 3, tables: ['orders'], foreignImports: [], twoPhase: [] });
  });

  it('is found wanting when it imports another service, however it does', () => {
    write('services/order/src/order-store.ts', "import '../../inventory/src/stock.ts';");
    expect(problems()).toContain(
      '11 code: services/order/src/order-store.ts imports ../../inventory/src/stock.ts',
    );
    write('services/order/src/order-store.ts', "import '@sagamesh/service-inventory/stock';");
    expect(problems()).toContain(
      '11 code: services/order/src/order-store.ts imports @sagamesh/service-inventory/stock',
    );
    write('services/order/src/order-store.ts', dynamicImport('@sagamesh/service-inventory/stock'));
    expect(order().foreignImports).toHaveLength(1);
  });

  it('is found wanting when a shared package imports a service for it', () => {
    write('packages/runtime/src/http.ts', "import '@sagamesh/service-inventory/stock';");
    expect(problems()).toContain(
      '11 code: packages/runtime/src/http.ts imports @sagamesh/service-inventory/stock',
    );
  });

  it('is found wanting when it fetches from another service, and when it waits without a limit', () => {
    write(
      'services/order/src/order-store.ts',
      'export const ask = () => fetch("http://inventory:3000/stock");',
    );
    expect(problems()).toEqual(
      expect.arrayContaining([
        '10 code: services/order/src/order-store.ts:1: order knows the address //inventory:',
        '12 code: services/order/src/order-store.ts:1: fetch without a time limit',
      ]),
    );
    write('services/order/src/order-store.ts', "const base = process.env['INVENTORY_URL'];");
    expect(order().foreignAddresses).toEqual([
      { at: 'services/order/src/order-store.ts:1', what: 'INVENTORY_URL' },
    ]);
  });

  it('may call the outside with a time limit', () => {
    write(
      'services/order/src/order-store.ts',
      'const send = () =>\n  fetch(url, {\n    signal: AbortSignal.timeout(5_000),\n  });',
    );
    expect(order().clients).toEqual([
      { at: 'services/order/src/order-store.ts:2', what: 'fetch', hasTimeLimit: true },
    ]);
  });

  it("is found wanting when a statement names another service's table", () => {
    write('services/order/src/order-store.ts', 'const sql = `\n  select sku from stock where sku = $1`;');
    expect(problems()).toContain(
      '9 code: services/order/src/order-store.ts:2: names the table stock of another service',
    );
  });

  it('is found wanting when it commits in two phases', () => {
    write('services/order/src/order-store.ts', "await tx.query(`prepare transaction 'both'`);");
    expect(problems()).toContain('14 code: services/order/src/order-store.ts:1: prepare transaction');
  });

  it('may write of all that in its comments', () => {
    write(
      'services/order/src/order-store.ts',
      '// no fetch("http://inventory:3000"), no PREPARE TRANSACTION\n/** nor from stock */\nexport const sql = `create table orders (id text)`;',
    );
    expect(order()).toMatchObject({ foreignAddresses: [], clients: [], twoPhase: [], foreignTables: [] });
  });

  it('keeps answers under a key where the route, or a function of its own, does', () => {
    write(
      'services/order/src/routes.ts',
      "router.post('/a', async () => idempotent(db, request));\nrouter.post('/b', async () => take(request));\nrouter.delete('/c', async () => drop());",
    );
    write('services/order/src/take.ts', 'export async function take() { return idempotent(db); }');
    expect(order().writingRoutes).toEqual([
      { route: 'POST /a', keyed: true },
      { route: 'POST /b', keyed: true },
      { route: 'DELETE /c', keyed: false },
    ]);
  });
});

describe('the real code', () => {
  const { services, plan } = gatherCode(repository);

  it('has services with files, tables, handlers and routes to look at', () => {
    expect(services.map(({ name }) => name)).toEqual([
      'inventory',
      'notification',
      'order',
      'payment',
      'user',
    ]);
    expect(services.filter(({ reached }) => reached < 20)).toEqual([]);
    expect(services.flatMap(({ tables }) => tables).length).toBeGreaterThan(5);
    expect(services.flatMap(({ statements }) => statements).reduce((sum, one) => sum + one)).toBeGreaterThan(
      20,
    );
    expect(services.flatMap(({ writingRoutes }) => writingRoutes).length).toBeGreaterThan(3);
    expect(plan).toHaveLength(5);
  });
});

describe('source text', () => {
  it('loses its comments and keeps its strings and lines', () => {
    const source = "const a = 'http://x'; // gone\n/* gone\n too */ const b = `//kept`;";
    expect(withoutComments(source).replaceAll(/ +/g, ' ')).toBe(
      "const a = 'http://x'; \n \n const b = `//kept`;",
    );
  });

  it('is searched with the line of each place', () => {
    expect(findAll('a\n  fetch(1)\nfetch(2)', /fetch\((\d)\)/g)).toMatchObject([
      { line: 2, group: '1' },
      { line: 3, group: '2' },
    ]);
  });

  it('gives a call with everything between its parentheses', () => {
    expect(callAt('x = post(a(1), { b: (2) }); y(3)', 4)).toBe('post(a(1), { b: (2) })');
  });
});
