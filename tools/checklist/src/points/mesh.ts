import type { BreakerFact, Facts, ManifestFacts } from '../facts.ts';
import { each, verdictOf, when } from '../verdict.ts';
import type { Claim, Point } from '../verdict.ts';

/** Circuit breakers, which are there and missing nowhere: points 4 and 12. */

/** Beyond this a number is no limit but the absence of one (Envoy's own default is 2^32 - 1). */
const boundedMax = 100_000;

const isLimit = (value: number | null): value is number => value !== null && value > 0 && value < boundedMax;

/** A host in the cluster is written in full there: `order.shop.svc.cluster.local` is the Service `order`. */
function breakerOf({ breakers }: ManifestFacts, host: string): BreakerFact | undefined {
  return breakers.find(
    (one) =>
      one.host === host || (one.host.startsWith(`${host}.`) && one.host.endsWith('.svc.cluster.local')),
  );
}

function breakerIsReal(one: ManifestFacts): Claim {
  const hosts = [...new Set([...one.ports.map(({ service }) => service), ...one.outsideHosts])];
  const found = hosts.flatMap((host) => breakerOf(one, host) ?? []);
  const range = (values: readonly (number | null)[]) => {
    const numbers = values.filter((value) => value !== null);
    return numbers.length === 0 ? 'none' : `${Math.min(...numbers)}-${Math.max(...numbers)}`;
  };
  return each(
    'manifests',
    hosts,
    `hosts of ${one.environment} with connection limits (${range(found.map(({ connectionsMax }) => connectionsMax))}) and ejection (after ${range(found.map(({ errorsMax }) => errorsMax))} errors, for ${range(found.map(({ ejectionSeconds }) => ejectionSeconds))} s)`,
    (host) => {
      const breaker = breakerOf(one, host);
      if (breaker === undefined) return [`${one.environment}: ${host} has no circuit breaker`];
      return [
        ...when(!isLimit(breaker.connectionsMax), `${one.environment}: ${host} has no limit of connections`),
        ...when(!isLimit(breaker.errorsMax), `${one.environment}: ${host} is never ejected`),
        ...when(!isLimit(breaker.ejectionSeconds), `${one.environment}: ${host} is ejected for no time`),
      ];
    },
  );
}

function judgeBreakers({ manifests, running }: Facts) {
  const { hungProvider } = running;
  return verdictOf([
    ...manifests.map(breakerIsReal),
    {
      source: 'running',
      looked: hungProvider === null ? 0 : hungProvider.cutOff + hungProvider.healthyMeanwhile.length,
      holds: `a provider that hangs: ${hungProvider?.cutOff ?? 0} charges cut off, ${hungProvider?.healthyMeanwhile.length ?? 0} services healthy meanwhile, the saga ${hungProvider?.outcomeAfter ?? 'unknown'} afterwards`,
      problems: [
        ...when(hungProvider?.cutOff === 0, 'no call to the hung provider was cut off'),
        ...when(hungProvider?.healthyMeanwhile.length === 0, 'the hung provider took every service with it'),
        ...when(
          hungProvider?.outcomeAfter !== 'Completed',
          `the saga was ${hungProvider?.outcomeAfter ?? 'not seen'} after the provider came back`,
        ),
      ],
    },
  ]);
}

/** Each pair of caller and callee of the policies has a breaker between; whoever may be called may be protected from. */
function everyCallIsGuarded(one: ManifestFacts): Claim {
  const calls = one.callers
    .filter(({ policy }) => policy === 'AuthorizationPolicy')
    .flatMap(({ callee, from }) => from.map((caller) => ({ caller, callee })));
  return each(
    'manifests',
    calls,
    `permitted calls in ${one.environment}, each to a host with ejection and limits`,
    ({ caller, callee }) => {
      const breaker = breakerOf(one, callee);
      return [
        ...when(
          breaker === undefined,
          `${one.environment}: nothing breaks the circuit from ${caller} to ${callee}`,
        ),
        ...when(
          breaker !== undefined && !isLimit(breaker.ejectedPercentMax),
          `${one.environment}: ${callee} is ejected by 10 % at most, which is never for few replicas`,
        ),
      ];
    },
  );
}

function judgeMissingBreakers({ manifests, code }: Facts) {
  const clients = code.services.flatMap(({ clients }) => clients);
  return verdictOf([
    ...manifests.map(everyCallIsGuarded),
    ...manifests.map((one) =>
      each(
        'manifests',
        one.routes.filter(({ methods }) => methods.includes('POST') || methods.length === 0),
        `writing routes in ${one.environment} that the mesh sends once and cuts by a timeout`,
        ({ name, attempts, timeoutSeconds }) => [
          ...when(
            attempts !== 0,
            `${one.environment}: ${name} is sent ${attempts ?? 'a default number of'} times again`,
          ),
          ...when(!isLimit(timeoutSeconds), `${one.environment}: ${name} has no timeout`),
        ],
      ),
    ),
    each(
      'code',
      clients,
      `HTTP and SMTP clients (${[...new Set(clients.map(({ what }) => what))].join(', ')}), each with a time limit of its own`,
      ({ at, what, hasTimeLimit }) => when(!hasTimeLimit, `${at}: ${what} without a time limit`),
    ),
  ]);
}

export const meshPoints: readonly Point<Facts>[] = [
  { number: 4, name: 'circuit breakers', judge: judgeBreakers },
  { number: 12, name: 'no missing circuit breakers', judge: judgeMissingBreakers },
];
