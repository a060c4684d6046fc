import type { Facts, ManifestFacts } from '../facts.ts';
import { each, repeated, verdictOf, when } from '../verdict.ts';
import type { Claim, Point } from '../verdict.ts';

/** Whether the services are processes of their own: points 6, 8, 10 and 11. */

const ownWorkloads = ({ workloads }: ManifestFacts, services: readonly string[]) =>
  workloads.filter(({ app }) => services.includes(app));

const probeNames = ['startup', 'readiness', 'liveness'] as const;

function judgeHealth({ manifests, services, running }: Facts) {
  const dependencies = [...new Set(running.lostDependencies.map(({ dependency }) => dependency))];
  return verdictOf([
    ...manifests.map((one) =>
      each(
        'manifests',
        ownWorkloads(one, services),
        `services of ${one.environment} with three probes`,
        ({ app, probes }) =>
          probeNames.flatMap((probe) =>
            when(!probes.includes(probe), `${one.environment}: ${app} has no ${probe} probe`),
          ),
      ),
    ),
    each(
      'running',
      running.lostDependencies,
      `times a dependency was taken away (${dependencies.join(', ')}), /health said degraded and named it, and healthy again afterwards`,
      ({ service, dependency, before, during, named, after }) => [
        ...when(before !== 'healthy', `${service} was ${before} before its ${dependency} was taken away`),
        ...when(
          during !== 'degraded' || !named.includes(dependency),
          `${service} without its ${dependency} is ${during}, naming ${named.join(', ') || 'nothing'}`,
        ),
        ...when(after !== 'healthy', `${service} is ${after} after its ${dependency} came back`),
      ],
    ),
    each('running', services, 'services asked', (service) =>
      when(
        !running.lostDependencies.some((one) => one.service === service),
        `${service} was never asked without a dependency`,
      ),
    ),
  ]);
}

function deployments(one: ManifestFacts, services: readonly string[]): Claim {
  const own = ownWorkloads(one, services);
  const found = [...one.budgets, ...one.autoscaled];
  const images = own.map(({ image }) => image);
  return {
    source: 'manifests',
    looked: own.length,
    holds: `${one.environment} has ${own.length} Deployments with ${new Set(images).size} images, rolling updates, ${one.budgets.length} disruption budgets, ${one.autoscaled.length} autoscalers`,
    problems: [
      ...services
        .filter((name) => own.filter(({ app }) => app === name).length !== 1)
        .map((name) => `${one.environment}: ${name} has no Deployment of its own`),
      ...repeated(images).map((image) => `${one.environment}: two services share the image ${image}`),
      ...own.flatMap(({ app, rolling }) => when(!rolling, `${one.environment}: ${app} does not roll`)),
      ...own.flatMap(({ app, replicas }) =>
        when(
          one.environment === 'production' && (replicas ?? 2) < 2 && !one.autoscaled.includes(app),
          `${one.environment}: ${app} has one replica and is not scaled`,
        ),
      ),
      ...own.flatMap(({ app }) =>
        when(!found.includes(app), `${one.environment}: ${app} has no disruption budget`),
      ),
    ],
  };
}

function judgeIndependence({ manifests, services, running }: Facts) {
  return verdictOf([
    ...manifests.map((one) => deployments(one, services)),
    each(
      'running',
      running.outages,
      `services stopped and started one by one, the others healthy on the same process ids; ${running.outages.reduce((sum, { ordersTaken }) => sum + ordersTaken, 0)} orders taken meanwhile, all Completed (${running.outages.reduce((sum, { endedMeanwhile }) => sum + endedMeanwhile, 0)} before the service was back)`,
      ({ service, othersTroubled, othersRestarted, othersHealthy, ordersTaken, ordersCompleted }) => [
        ...when(othersHealthy.length === 0, `without ${service} nobody was looked at`),
        ...othersTroubled.map((other) => `${other} is not healthy without ${service}`),
        ...othersRestarted.map((other) => `${other} was restarted with ${service}`),
        ...when(ordersTaken === 0, `without ${service} no order was taken`),
        ...when(
          ordersCompleted !== ordersTaken,
          `${ordersTaken - ordersCompleted} orders were lost with ${service}`,
        ),
      ],
    ),
    each(
      'running',
      running.pairs,
      `services with two processes side by side, both at work (${running.pairs.map(({ service, handled }) => `${service} ${handled.join('+')}`).join(', ')})`,
      ({ service, handled }) =>
        when(handled.length < 2 || handled.some((count) => count === 0), `of two ${service} one did nothing`),
    ),
  ]);
}

/** No service is among the callers of another: only the gateway is, and what is no service of ours. */
function nobodyCallsAService(one: ManifestFacts, services: readonly string[]): Claim {
  return each(
    'manifests',
    one.callers.filter(({ callee }) => services.includes(callee)),
    `policies of services in ${one.environment}, none admits another service`,
    ({ policy, callee, from }) =>
      from
        .filter((caller) => caller === '*' || services.includes(caller))
        .map(
          (caller) =>
            `${one.environment}: ${policy} lets ${caller === '*' ? 'anybody' : caller} call ${callee}`,
        ),
  );
}

/** The host of a URL-like value is another service: `http://order:3000`, `order.shop.svc...`. */
function addressesIn(value: string, others: readonly string[]): readonly string[] {
  const host = /^[a-z+]+:\/\/(?:[^@/]*@)?([^:/]+)/.exec(value)?.[1]?.split('.')[0];
  return others.filter((other) => host === other);
}

function noAddresses(one: ManifestFacts, services: readonly string[]): Claim {
  const variables = ownWorkloads(one, services).flatMap(({ app, variables }) =>
    variables.map((variable) => ({ ...variable, app })),
  );
  return each(
    'manifests',
    variables,
    `variables of services in ${one.environment}, none another's address`,
    ({ app, name, value }) =>
      addressesIn(
        value ?? '',
        services.filter((other) => other !== app),
      ).map((other) => `${one.environment}: ${app} is given the address of ${other} in ${name}`),
  );
}

function judgeChains({ manifests, services, code, running }: Facts) {
  const reached = code.services.reduce((sum, one) => sum + one.reached, 0);
  const variables = running.addresses.reduce((sum, one) => sum + one.variables, 0);
  return verdictOf([
    ...manifests.flatMap((one) => [nobodyCallsAService(one, services), noAddresses(one, services)]),
    {
      source: 'code',
      looked: reached,
      holds: `${reached} files of ${code.services.length} services hold no address of another (${code.services.flatMap(({ clients }) => clients).length} clients, all to the outside)`,
      problems: code.services.flatMap(({ name, foreignAddresses }) =>
        foreignAddresses.map(({ at, what }) => `${at}: ${name} knows the address ${what}`),
      ),
    },
    {
      source: 'running',
      looked: variables,
      holds: `${variables} variables of ${running.addresses.length} processes, none the address of another service`,
      problems: running.addresses.flatMap(({ service, foreign }) =>
        foreign.map((name) => `${service} was started with another's address in ${name}`),
      ),
    },
  ]);
}

function judgeMonolith({ manifests, services, code, running }: Facts) {
  return verdictOf([
    ...manifests.map((one) =>
      each(
        'manifests',
        ownWorkloads(one, services),
        `services of ${one.environment} alone in their pods`,
        ({ app, containers, serviceAccount }) => [
          ...when(containers !== 1, `${one.environment}: ${app} has ${containers} containers`),
          ...when(serviceAccount !== app, `${one.environment}: ${app} runs as ${serviceAccount}`),
        ],
      ),
    ),
    each(
      'code',
      code.services,
      `services, ${code.services.reduce((sum, one) => sum + one.reached, 0)} files reached by their imports, none of another service`,
      ({ foreignImports, name, reached }) => [
        ...when(reached === 0, `${name} has no main.ts`),
        ...foreignImports.map(({ at, what }) => `${at} imports ${what}`),
      ],
    ),
    each('code', services, 'services read', (service) =>
      when(!code.services.some(({ name }) => name === service), `${service} was not read`),
    ),
    each('running', running.alone, 'services became ready while no other service ran', ({ service, ready }) =>
      when(!ready, `${service} does not start alone`),
    ),
  ]);
}

export const processPoints: readonly Point<Facts>[] = [
  { number: 6, name: 'health reports dependencies', judge: judgeHealth },
  { number: 8, name: 'independent deployment and scaling', judge: judgeIndependence },
  { number: 10, name: 'no synchronous HTTP chains', judge: judgeChains },
  { number: 11, name: 'no distributed monolith', judge: judgeMonolith },
];
