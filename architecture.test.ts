import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { importsOf } from '@sagamesh/build/imports';
import { describe, expect, it } from 'vitest';

/** Who may import whom (docs/architecture.md), executed. A folder that is in no row fails, and so does a row that matches no file. */

interface House {
  readonly folder: string;
  /** Own packages (by their folder's row) and third-party modules; tests may use more, see `testsMayUse`. */
  readonly mayImport: readonly string[];
}

const contracts = '@sagamesh/contracts';
const runtime = '@sagamesh/runtime';
const kit = '@sagamesh/kit';
const gateway = '@sagamesh/gateway';
const serviceHouse = [kit, runtime, contracts, 'zod', 'express', 'node:'];

const houses: readonly House[] = [
  { folder: 'packages/contracts/src', mayImport: ['zod'] },
  {
    folder: 'packages/runtime/src',
    mayImport: [contracts, 'zod', 'nats', 'pino', 'prom-client', 'express', 'helmet', 'redis', 'node:'],
  },
  { folder: 'operator/src/saga', mayImport: [contracts] },
  {
    folder: 'operator/src/kube',
    mayImport: ['@kubernetes/client-node', 'undici', 'prom-client', 'zod', 'node:'],
  },
  {
    folder: 'operator/src/controller',
    mayImport: ['operator/src/saga', 'operator/src/kube', runtime, contracts, 'prom-client', 'node:'],
  },
  {
    folder: 'operator/src',
    mayImport: [
      'operator/src/controller',
      'operator/src/kube',
      runtime,
      contracts,
      'zod',
      'prom-client',
      'node:',
    ],
  },
  {
    folder: 'services/kit/src',
    mayImport: [
      runtime,
      contracts,
      'pg',
      '@electric-sql/pglite',
      'jose',
      'express',
      'zod',
      'prom-client',
      'node:',
    ],
  },
  { folder: 'packages/gateway/src', mayImport: [contracts, 'node:'] },
  { folder: 'services/order/src', mayImport: serviceHouse },
  { folder: 'services/inventory/src', mayImport: serviceHouse },
  { folder: 'services/payment/src', mayImport: [...serviceHouse, 'stripe'] },
  { folder: 'services/user/src', mayImport: [...serviceHouse, 'jose'] },
  { folder: 'services/notification/src', mayImport: [...serviceHouse, 'nodemailer', 'prom-client'] },
  {
    folder: 'charts/src',
    mayImport: [
      contracts,
      gateway,
      'cdk8s',
      'cdk8s-plus-27',
      'constructs',
      '@kubernetes-models/istio',
      'yaml',
      'node:',
    ],
  },
  { folder: 'verification/invariants/src', mayImport: [contracts] },
  {
    folder: 'verification/simulation/src',
    mayImport: [
      contracts,
      runtime,
      kit,
      '@sagamesh/operator',
      '@sagamesh/service-order',
      '@sagamesh/service-inventory',
      '@sagamesh/service-payment',
      '@sagamesh/service-notification',
      '@sagamesh/payment-provider',
      '@sagamesh/invariants',
      '@sagamesh/sandbox',
      'esbuild',
      'zod',
      'node:',
    ],
  },
  { folder: 'tools/sandbox/src', mayImport: [contracts, gateway, 'jose', 'pg', 'yaml', 'zod', 'node:'] },
  { folder: 'tools/payment-provider/src', mayImport: ['express', 'zod', 'node:'] },
  { folder: 'tools/sinks/src', mayImport: ['smtp-server', 'zod', 'node:'] },
  {
    folder: 'tools/build/src',
    mayImport: [contracts, '@sagamesh/charts', '@sagamesh/sandbox', 'esbuild', 'yaml', 'zod', 'node:'],
  },
  {
    folder: 'tools/mesh/src',
    mayImport: [
      contracts,
      gateway,
      '@sagamesh/charts',
      '@sagamesh/sandbox',
      'esbuild',
      'jose',
      'yaml',
      'zod',
      'node:',
    ],
  },
  {
    folder: 'tools/cluster/src',
    mayImport: [
      contracts,
      gateway,
      '@sagamesh/charts',
      '@sagamesh/build',
      '@sagamesh/sandbox',
      '@sagamesh/mesh',
      'jose',
      'selfsigned',
      'yaml',
      'zod',
      'node:',
    ],
  },
  {
    folder: 'tools/judges/src',
    mayImport: [
      contracts,
      '@sagamesh/charts',
      '@sagamesh/build',
      '@sagamesh/sandbox',
      '@sagamesh/mesh',
      'yaml',
      'zod',
      'node:',
    ],
  },
  {
    folder: 'tools/checklist/src',
    mayImport: [
      contracts,
      gateway,
      runtime,
      '@sagamesh/build',
      '@sagamesh/sandbox',
      '@sagamesh/demo',
      '@sagamesh/payment-provider',
      'pg',
      'nats',
      'yaml',
      'zod',
      'node:',
    ],
  },
  {
    folder: 'tools/demo/src',
    mayImport: [
      contracts,
      runtime,
      '@sagamesh/sandbox',
      '@sagamesh/build',
      '@sagamesh/invariants',
      '@sagamesh/payment-provider',
      'zod',
      'node:',
    ],
  },
  {
    folder: 'bench/src',
    mayImport: [
      contracts,
      '@sagamesh/sandbox',
      '@sagamesh/build',
      '@sagamesh/demo',
      '@sagamesh/invariants',
      'undici',
      'yaml',
      'zod',
      'node:',
    ],
  },
];

/** Tests start real servers and state properties; they still keep out of other services. */
const testsMayUse = [
  'vitest',
  'fast-check',
  'node:',
  '@sagamesh/sandbox',
  '@sagamesh/payment-provider',
  '@sagamesh/sinks',
  runtime,
  contracts,
  'zod',
  'jose',
  'nats',
  'nodemailer',
  'pino',
  'stripe',
  'yaml',
];

const root = import.meta.dirname;
const skipped = new Set(['node_modules', 'dist', '.data', '.git']);

function typescriptFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return typescriptFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

/** The longest folder wins: `operator/src/saga` before `operator/src`. */
function houseOf(file: string): House | undefined {
  return houses
    .filter(({ folder }) => file.startsWith(`${folder}/`))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0];
}

function isTestFile(file: string): boolean {
  return /\.(test|behaviour)\.ts$/.test(file) || file.includes('/testing/');
}

/** What is wrong with one import, or null. */
export function problemOf(file: string, specifier: string): string | null {
  const house = houseOf(file);
  if (!house) return `${file} is in no row of the table`;
  const target = specifier.startsWith('.') ? relative(root, join(root, file, '..', specifier)) : specifier;
  const own = specifier.startsWith('.') ? houseOf(target) : undefined;
  if (own?.folder === house.folder) return null;
  const name = own?.folder ?? target;
  const allowed = [...house.mayImport, ...(isTestFile(file) ? testsMayUse : [])];
  const fits = allowed.some((one) =>
    one.endsWith(':') ? name.startsWith(one) : name === one || name.startsWith(`${one}/`),
  );
  return fits ? null : `${file} may not import ${specifier}`;
}

describe('the houses', () => {
  const files = houses
    .filter(({ folder }) => !houses.some((other) => folder.startsWith(`${other.folder}/`)))
    .flatMap(({ folder }) => typescriptFiles(join(root, folder)))
    .map((path) => relative(root, path));

  it('import only what the table allows', () => {
    const problems = files.flatMap((file) =>
      importsOf(readFileSync(join(root, file), 'utf8')).map((specifier) => problemOf(file, specifier)),
    );
    expect(problems.filter((problem) => problem !== null)).toEqual([]);
  });

  it.each(houses)('$folder exists, so its row says something', ({ folder }) => {
    expect(files.filter((file) => houseOf(file)?.folder === folder).length).toBeGreaterThan(0);
  });

  it('leave no source file outside the table', () => {
    const sources = ['packages', 'operator', 'services', 'charts', 'verification', 'tools', 'bench'].flatMap(
      (top) => typescriptFiles(join(root, top)).map((path) => relative(root, path)),
    );
    expect(sources.filter((file) => houseOf(file) === undefined)).toEqual([]);
  });

  it.each([
    ['operator/src/saga/x.ts', 'node:fs', 'the core touches nothing'],
    ['operator/src/saga/x.ts', '../kube/client.ts', 'the core knows no cluster'],
    ['operator/src/kube/x.ts', '@sagamesh/contracts/messages', 'the kernel knows no sagas'],
    ['services/order/src/x.ts', '../../inventory/src/stock-store.ts', 'no service imports another'],
    ['services/order/src/x.ts', '@sagamesh/service-inventory/stock-store', 'not by its package name, either'],
    ['packages/contracts/src/x.ts', '@sagamesh/runtime/errors', 'contracts stand at the bottom'],
    ['packages/runtime/src/x.ts', '@sagamesh/kit/db', 'the runtime is below the kit'],
  ])('%s may not import %s: %s', (file, specifier) => {
    expect(problemOf(file, specifier)).toContain('may not import');
  });

  it('finds imports however they are written', () => {
    const source =
      "import a from 'one';\nimport {\n  b,\n} from 'two';\nexport { c } from 'three';\nimport 'four';\nawait import('five');";
    expect(importsOf(source)).toEqual(['one', 'two', 'three', 'four', 'five']);
  });
});
