import type { Facts, ManifestFacts, WorkloadFact } from '../facts.ts';
import { each, repeated, verdictOf, when } from '../verdict.ts';
import type { Claim, Point } from '../verdict.ts';

/** Where the data are: points 1, 9 and 14. */

const urlVariable = 'DATABASE_URL';

/** The services of an environment that keep data, each with where its URL comes from. */
function storeUsers(manifests: ManifestFacts, services: readonly string[]) {
  return manifests.workloads
    .filter(({ app }) => services.includes(app))
    .flatMap(({ app, variables }) => {
      const url = variables.find(({ name }) => name === urlVariable);
      return url === undefined ? [] : [{ app, store: url.secret ?? url.value ?? '' }];
    });
}

/** Services that have tables of their own must have a URL in the manifests, and no two the same. */
function separateSecrets({ manifests, services, code }: Facts): readonly Claim[] {
  const keepers = code.services.filter(({ tables }) => tables.length > 0).map(({ name }) => name);
  return manifests.map((one) => {
    const users = storeUsers(one, services);
    const shared = repeated(users.map(({ store }) => store));
    const missing = keepers.filter((name) => !users.some(({ app }) => app === name));
    return {
      source: 'manifests' as const,
      looked: users.length,
      holds: `${one.environment} gives ${users.length} services ${users.length} stores (${users.map(({ store }) => store).join(', ')})`,
      problems: [
        ...shared.map((store) => `${one.environment}: ${store} is the store of more than one service`),
        ...missing.map((name) => `${one.environment}: ${name} has tables and no ${urlVariable}`),
      ],
    };
  });
}

function judgeOwnStore(facts: Facts) {
  const { stores } = facts.running;
  const owners = facts.code.services.filter(({ tables }) => tables.length > 0);
  const declared = owners.flatMap(({ tables }) => tables);
  return verdictOf([
    ...separateSecrets(facts),
    {
      source: 'code',
      looked: owners.length,
      holds: `${owners.length} services create ${declared.length} tables, none twice`,
      problems: repeated(declared).map((table) => `more than one service creates the table ${table}`),
    },
    {
      source: 'running',
      looked: stores.length,
      holds: `${stores.length} stores with ${stores.reduce((sum, { tables }) => sum + tables.length, 0)} tables; own ones: ${stores.map(({ service, ownTables }) => `${service} ${ownTables.length}`).join(', ')}, none in two stores`,
      problems: [
        ...repeated(stores.map(({ url }) => url)).map(
          (url) => `more than one service is connected to ${url}`,
        ),
        ...repeated(stores.flatMap(({ ownTables }) => ownTables)).map((table) => `${table} is in two stores`),
        ...stores.flatMap(({ service, ownTables }) =>
          when(ownTables.length === 0, `${service} has no table`),
        ),
        ...owners.flatMap(({ name }) =>
          when(!stores.some(({ service }) => service === name), `${name} was not looked at`),
        ),
      ],
    },
  ]);
}

/** Databases are the workloads that are named after their service. */
const databaseOf = (service: string) => `${service}-db`;

function onlyTheOwnService(one: ManifestFacts, services: readonly string[]): Claim {
  const databases = services.filter((name) => one.callers.some(({ callee }) => callee === databaseOf(name)));
  const policies = one.callers.filter(({ callee }) => databases.some((name) => callee === databaseOf(name)));
  return {
    source: 'manifests',
    looked: policies.length,
    holds: `${one.environment} admits to ${databases.length} databases one service each (${policies.length} policies)`,
    problems: [
      ...policies.flatMap(({ policy, callee, from }) =>
        when(
          from.some((caller) => databaseOf(caller) !== callee) || from.length === 0,
          `${one.environment}: ${policy} of ${callee} admits ${from.join(', ') || 'nobody'}`,
        ),
      ),
      ...databases.flatMap((name) =>
        (['AuthorizationPolicy', 'NetworkPolicy'] as const).flatMap((policy) =>
          when(
            !policies.some((one) => one.policy === policy && one.callee === databaseOf(name)),
            `${one.environment}: ${databaseOf(name)} has no ${policy}`,
          ),
        ),
      ),
    ],
  };
}

/** A service that is given a database's Secret or address beside its own. */
function foreignStores(one: ManifestFacts, services: readonly string[]): Claim {
  const workloads = one.workloads.filter(({ app }) => services.includes(app));
  const problemsOf = ({ app, variables }: WorkloadFact) =>
    services
      .filter((other) => other !== app)
      .flatMap((other) =>
        variables
          .filter(({ secret, value }) => `${secret ?? ''} ${value ?? ''}`.includes(databaseOf(other)))
          .map(({ name }) => `${one.environment}: ${app} is given the store of ${other} in ${name}`),
      );
  return each('manifests', workloads, `workloads of ${one.environment} know no other's store`, problemsOf);
}

function judgeSharedDatabase({ manifests, services, code, running }: Facts) {
  const statements = code.services.reduce((sum, one) => sum + one.statements, 0);
  const withDatabases = manifests.filter((one) => one.workloads.some(({ app }) => app.endsWith('-db')));
  return verdictOf([
    // Production's databases are elsewhere: there, the Secrets are what keeps them apart.
    ...(withDatabases.length === 0
      ? [{ source: 'manifests' as const, looked: 0, holds: 'databases in the cluster', problems: [] }]
      : withDatabases.map((one) => onlyTheOwnService(one, services))),
    ...manifests.map((one) => foreignStores(one, services)),
    {
      source: 'code',
      looked: statements,
      holds: `${statements} SQL statements, none on another service's table`,
      problems: code.services.flatMap(({ foreignTables }) =>
        foreignTables.map(({ at, what }) => `${at}: ${what}`),
      ),
    },
    each(
      'running',
      running.stores,
      `stores had no connection while their service was stopped (before: ${running.stores.map(({ service, connections }) => `${service} ${connections}`).join(', ')})`,
      ({ service, connections, connectionsWhileStopped }) => [
        ...when(connections === 0, `${service} was never connected to its store`),
        ...when(
          connectionsWhileStopped > 0,
          `${connectionsWhileStopped} connections to the store of ${service} are not its own`,
        ),
      ],
    ),
  ]);
}

function judgeDistributedTransactions({ code, running }: Facts) {
  const reached = code.services.reduce((sum, one) => sum + one.reached, 0);
  return verdictOf([
    {
      source: 'code',
      looked: reached,
      holds: `${reached} files of ${code.services.length} services without PREPARE TRANSACTION, XA, dblink or foreign tables`,
      problems: code.services.flatMap(({ twoPhase }) => twoPhase.map(({ at, what }) => `${at}: ${what}`)),
    },
    each(
      'running',
      running.stores,
      'stores: max_prepared_transactions 0, 0 prepared transactions, 0 links to other stores',
      ({ service, preparedMax, prepared, links }) => [
        ...when(preparedMax > 0, `${service}: the server allows ${preparedMax} prepared transactions`),
        ...when(prepared > 0, `${service}: ${prepared} prepared transactions`),
        ...when(links > 0, `${service}: ${links} links to other databases`),
      ],
    ),
  ]);
}

export const storePoints: readonly Point<Facts>[] = [
  { number: 1, name: 'own data store per service', judge: judgeOwnStore },
  { number: 9, name: 'no shared database', judge: judgeSharedDatabase },
  { number: 14, name: 'no distributed transactions', judge: judgeDistributedTransactions },
];
