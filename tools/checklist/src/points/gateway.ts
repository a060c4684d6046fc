import type { GatewayRoute } from '@sagamesh/gateway/routes';
import type { Facts, ManifestFacts } from '../facts.ts';
import { each, verdictOf, when } from '../verdict.ts';
import type { Claim, Point } from '../verdict.ts';

/** Whether the gateway is that of the route table: point 5. */

const covers = (pattern: string, path: string) =>
  pattern === path || pattern === '/*' || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));

const pathOf = ({ path }: GatewayRoute) => ('prefix' in path ? path.prefix : path.exact);

function routeProblems(one: ManifestFacts, wanted: GatewayRoute): readonly string[] {
  const found = one.routes.find(({ name }) => name === wanted.name);
  if (found === undefined) return [`${one.environment}: the route ${wanted.name} is missing`];
  const missing = wanted.methods.filter((method) => !found.methods.includes(method));
  return [
    ...when(
      found.destination !== wanted.service,
      `${one.environment}: ${wanted.name} goes to ${found.destination}`,
    ),
    ...when(missing.length > 0, `${one.environment}: ${wanted.name} has no ${missing.join(', ')}`),
    ...when(
      !found.paths.some((path) => covers(path, pathOf(wanted)) || path === `${pathOf(wanted)}/`),
      `${one.environment}: ${wanted.name} has the paths ${found.paths.join(', ')}`,
    ),
  ];
}

function limitsAreThere(one: ManifestFacts, { code }: Facts): Claim {
  return each(
    'manifests',
    code.gatewayLimits,
    `rate limits in ${one.environment} (${one.limits.map(({ name, requests, seconds }) => `${name} ${requests} in ${seconds} s`).join(', ')})`,
    ({ name, requestsPerMinute }) => {
      const found = one.limits.find((limit) => limit.name === name);
      const perMinute = found === undefined ? 0 : (found.requests * 60) / found.seconds;
      return when(
        perMinute !== requestsPerMinute,
        `${one.environment}: ${name} is limited to ${perMinute || 'nothing'}, not ${requestsPerMinute} a minute`,
      );
    },
  );
}

/** With an ALLOW policy, what no rule allows is refused: each open route needs a rule, each closed one must have none without a token. */
function tokensAreAskedFor(one: ManifestFacts, { code }: Facts): Claim {
  const allows = one.tokenRules.filter(({ action }) => action === 'ALLOW');
  return each(
    'manifests',
    code.gatewayRoutes,
    `routes in ${one.environment}, ${code.gatewayRoutes.filter(({ access }) => access === 'token').length} of them for tokens alone (${allows.length} rules)`,
    (route) => {
      const matching = allows.filter(
        ({ paths, methods }) =>
          (paths.length === 0 || paths.some((path) => covers(path, pathOf(route)))) &&
          (methods.length === 0 || route.methods.some((method) => methods.includes(method))),
      );
      const open = matching.some(({ needsToken }) => !needsToken);
      return [
        ...when(matching.length === 0, `${one.environment}: no rule lets ${route.name} in`),
        ...when(
          route.access === 'token' && open,
          `${one.environment}: ${route.name} is open without a token`,
        ),
      ];
    },
  );
}

/** Without an Envoy on this machine the manifests alone speak for the limits, and the line says so. */
function gatewayProcess({ running, code }: Facts): readonly Claim[] {
  const { gateway } = running;
  if (gateway === null) {
    const holds = 'no Envoy here, so the limits are proved by the manifests alone';
    return [{ source: 'running', looked: 1, holds, problems: [] }];
  }
  return [
    each(
      'running',
      gateway.answered,
      `requests through Envoy, ${gateway.answered.filter(({ mayPass }) => !mayPass).length} of them refused for want of a token`,
      ({ request, mayPass, status }) =>
        when(
          !(mayPass ? [200, 201] : [401, 403]).includes(status),
          `the gateway answered ${status} to ${request}`,
        ),
    ),
    each(
      'running',
      gateway.bursts,
      `bursts (${gateway.bursts.map(({ limit, sent, refused }) => `${limit}: ${refused} of ${sent} answered 429 with Retry-After`).join(', ')})`,
      ({ limit, sent, refused, toldWhen }) => {
        const allowed = code.gatewayLimits.find(({ name }) => name === limit)?.requestsPerMinute ?? 0;
        // The bucket is filled again while the burst lasts, so more than the limit pass, and fewer when some was spent before.
        return [
          ...when(refused === 0, `none of ${sent} ${limit} requests at once was refused`),
          ...when(sent - refused < allowed / 2, `${refused} of ${sent} ${limit} requests were refused`),
          ...when(
            toldWhen !== refused,
            `${refused - toldWhen} refusals of ${limit} do not say when to come again`,
          ),
        ];
      },
    ),
  ];
}

function judgeGateway(facts: Facts) {
  const { manifests, code, running } = facts;
  const guarded = code.services.filter(({ verifiesTokens }) => verifiesTokens);
  return verdictOf([
    ...manifests.flatMap((one) => [
      each('manifests', code.gatewayRoutes, `routes in ${one.environment}`, (route) =>
        routeProblems(one, route),
      ),
      limitsAreThere(one, facts),
      tokensAreAskedFor(one, facts),
    ]),
    each(
      'code',
      [
        ...new Set(
          code.gatewayRoutes.filter(({ access }) => access === 'token').map(({ service }) => service),
        ),
      ],
      `services behind routes for tokens verify them again (${guarded.map(({ name }) => name).join(', ')} do)`,
      (service) =>
        when(
          !guarded.some(({ name }) => name === service),
          `${service} believes whatever the gateway lets through`,
        ),
    ),
    each(
      'running',
      running.refusals,
      'requests without a good token refused by the services themselves',
      ({ service, request, status }) =>
        when(status !== 401 && status !== 403, `${service} answered ${status} to ${request}`),
    ),
    ...gatewayProcess(facts),
  ]);
}

export const gatewayPoint: Point<Facts> = {
  number: 5,
  name: 'gateway: routing, rate limits, authentication',
  judge: judgeGateway,
};
