import { eventPayloadSchemas } from '@sagamesh/contracts/domain-events';
import { defaultPlan } from '@sagamesh/contracts/order-saga';
import { importsOf } from '@sagamesh/build/imports';
import { gatewayRoutes, rateLimits } from '@sagamesh/gateway/routes';
import type { ClientFact, CodeFacts, Place, ServiceCode } from '../facts.ts';
import { callAt, findAll, withoutComments } from './source-text.ts';
import { openWorkspaces, reachFrom, serviceNamesIn, sourcesOf } from './workspaces.ts';
import type { Workspaces } from './workspaces.ts';

/** What the source says: reads files below `root`, runs nothing. */

export function gatherCode(root: string): CodeFacts {
  const names = serviceNamesIn(root);
  const workspaces = openWorkspaces(root);
  const sources = new Map(names.map((name) => [name, readSources(root, workspaces, name)]));
  const tables = new Map(names.map((name) => [name, tablesIn(sources.get(name) ?? [])]));
  return {
    services: names.map((name) => describe(workspaces, { name, sources: sources.get(name) ?? [], tables })),
    gatewayRoutes,
    gatewayLimits: Object.values(rateLimits),
    plan: defaultPlan.map(({ name, service, execute, compensate = null, pivot = false }) => ({
      name,
      service,
      execute,
      compensate,
      pivot,
    })),
  };
}

interface SourceFile {
  readonly file: string;
  /** Without comments. */
  readonly text: string;
}

interface Subject {
  readonly name: string;
  readonly sources: readonly SourceFile[];
  readonly tables: ReadonlyMap<string, readonly string[]>;
}

function readSources(root: string, workspaces: Workspaces, name: string): readonly SourceFile[] {
  return sourcesOf(root, `services/${name}/src`).map((file) => ({
    file,
    text: withoutComments(workspaces.read(file)),
  }));
}

function describe(workspaces: Workspaces, { name, sources, tables }: Subject): ServiceCode {
  const others = [...tables.keys()].filter((other) => other !== name);
  const { files } = reachFrom(workspaces, `services/${name}/src/main.ts`);
  const reached = files.map((file) => ({ file, text: withoutComments(workspaces.read(file)) }));
  const everything = [...reached, ...sources.filter(({ file }) => !files.includes(file))];
  const eventsRead = groups(sources, /\bonEvent(?:AtLeastOnce)?\(\s*['"]([\w.]+)['"]/g);
  return {
    name,
    reached: files.length,
    foreignImports: foreignImports(workspaces, everything, name),
    tables: tables.get(name) ?? [],
    ...statementsIn(sources, name, tables),
    twoPhase: places(everything, twoPhasePattern),
    clients: clientsIn(everything),
    foreignAddresses: others.length === 0 ? [] : places(everything, addressPattern(others)),
    eventsRead,
    eventsWritten: groups(sources, /['"]([a-z]+\.[a-z]+)['"]/g).filter(
      (type) => type in eventPayloadSchemas && !eventsRead.includes(type),
    ),
    actions: groups(sources, /\b(?:execute|compensate)\s*:\s*['"]([\w-]+)['"]/g),
    writingRoutes: writingRoutesIn(sources),
    verifiesTokens: sources.some(
      ({ text }) => importsOf(text).includes('@sagamesh/kit/auth') && /\bauthenticate\(/.test(text),
    ),
  };
}

function groups(sources: readonly SourceFile[], pattern: RegExp): readonly string[] {
  return [...new Set(sources.flatMap(({ text }) => findAll(text, pattern).map(({ group }) => group)))];
}

function places(sources: readonly SourceFile[], pattern: RegExp): readonly Place[] {
  return sources.flatMap(({ file, text }) =>
    findAll(text, pattern).map((found) => ({ at: `${file}:${found.line}`, what: found.text })),
  );
}

function foreignImports(
  workspaces: Workspaces,
  sources: readonly SourceFile[],
  name: string,
): readonly Place[] {
  return sources.flatMap(({ file, text }) =>
    importsOf(text)
      .filter((specifier) => {
        const target = workspaces.resolve(file, specifier) ?? specifier;
        const owner = workspaces.serviceOf(target);
        return owner !== undefined && owner !== name;
      })
      .map((specifier) => ({ at: file, what: specifier })),
  );
}

function tablesIn(sources: readonly SourceFile[]): readonly string[] {
  return groups(sources, /\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?"?([a-z_]\w*)/gi);
}

function statementsIn(
  sources: readonly SourceFile[],
  name: string,
  tables: Subject['tables'],
): Pick<ServiceCode, 'statements' | 'foreignTables'> {
  const own = tables.get(name) ?? [];
  const all = new Set([...tables.values()].flat());
  const named = sources.flatMap(({ file, text }) =>
    findAll(text, /\b(?:from|into|update|join|table|truncate)\s+(?:only\s+)?"?([a-z_]\w*)/gi)
      .filter(({ group }) => all.has(group))
      .map(({ line, group }) => ({ at: `${file}:${line}`, table: group })),
  );
  return {
    statements: named.length,
    foreignTables: named
      .filter(({ table }) => !own.includes(table))
      .map(({ at, table }) => ({ at, what: `names the table ${table} of another service` })),
  };
}

const twoPhasePattern =
  /\bprepare\s+transaction\b|\b(?:commit|rollback)\s+prepared\b|\bdblink\w*|\bpostgres_fdw\b|\bcreate\s+(?:foreign\s+table|server)\b|\bxa\s+(?:start|begin|prepare)\b/gi;

/** `//order:`, `//order.shop`, `order:3000`, `ORDER_URL`, `ORDER_SERVICE_HOST`. */
function addressPattern(others: readonly string[]): RegExp {
  const any = others.join('|');
  const variables = others.map((other) => other.toUpperCase()).join('|');
  return new RegExp(
    `//(?:${any})[:./'"\`]|['"\`](?:${any}):\\d+|\\b(?:${variables})_(?:SERVICE_)?(?:URL|HOST|ADDRESS|PORT)\\b`,
    'g',
  );
}

/** How a process reaches another one by HTTP or SMTP; the name is what is told. */
const clientPatterns: readonly (readonly [string, RegExp])[] = [
  ['fetch', /(?<![.\w]|async\s|function\s)fetch\(/g],
  ['node:http', /\bhttps?\.(?:request|get)\(/g],
  ['undici', /\bundici\.(?:request|fetch|stream)\(/g],
  ['axios', /\baxios(?:\.\w+)?\(/g],
  ['Stripe', /\bnew\s+Stripe\(/g],
  ['nodemailer', /\bcreateTransport\(/g],
  ['JWKS', /\bcreateRemoteJWKSet\(/g],
];

/** jose gives up a fetch of keys by itself after 5 s ("timeoutDuration", its documentation). */
const limitedByThemselves: ReadonlySet<string> = new Set(['JWKS']);

function clientsIn(sources: readonly SourceFile[]): readonly ClientFact[] {
  return sources.flatMap(({ file, text }) =>
    clientPatterns.flatMap(([what, pattern]) =>
      findAll(text, pattern).map(({ line, index }) => ({
        at: `${file}:${line}`,
        what,
        hasTimeLimit:
          limitedByThemselves.has(what) ||
          /\bsignal\s*:|timeouts?\b|Timeout\w*\s*:/.test(callAt(text, index)),
      })),
    ),
  );
}

/** A route is keyed when its handler calls `idempotent`, or a function of the service that is in a file which does. */
function writingRoutesIn(sources: readonly SourceFile[]): ServiceCode['writingRoutes'] {
  const keyedNames = sources
    .filter(({ text }) => /\bidempotent\(/.test(text))
    .flatMap(({ text }) => findAll(text, /\bexport\s+(?:async\s+)?function\s+(\w+)/g))
    .map(({ group }) => group);
  const isKeyed = (call: string) =>
    ['idempotent', ...keyedNames].some((name) => new RegExp(`\\b${name}\\(`).test(call));
  return sources.flatMap(({ text }) =>
    findAll(text, /\brouter\s*\.\s*((?:post|put|patch|delete)\(\s*['"][^'"]+)['"]/g).map(
      ({ group, index }) => {
        const [verb = '', path = ''] = group.split(/\(\s*['"]/);
        return { route: `${verb.toUpperCase()} ${path}`, keyed: isKeyed(callAt(text, index)) };
      },
    ),
  );
}
