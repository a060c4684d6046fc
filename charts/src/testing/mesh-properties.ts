import * as networking from '@kubernetes-models/istio/networking.istio.io/v1';
import * as networkingAlpha from '@kubernetes-models/istio/networking.istio.io/v1alpha3';
import * as security from '@kubernetes-models/istio/security.istio.io/v1';
import { gatewayRoutes, rateLimits } from '@sagamesh/gateway/routes';
import type { KubeObject } from '../kube-object.ts';
import { hostOf } from '../topology.ts';
import { differencesOf } from './edges.ts';
import {
  authorizationsOf,
  controllersOf,
  destinationRulesOf,
  nameOf,
  outsideHostsOf,
  routesOf,
  selects,
  servicesOf,
  sidecarsOf,
} from './manifest-view.ts';
import { forEach, unless, type Property } from './property.ts';

/** What holds for Istio's objects: breakers, routes, the door. */

interface Model {
  validate(): void;
}
type ModelClass = new (data: KubeObject) => Model;

const models: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'networking.istio.io/v1': { ...networking },
  'networking.istio.io/v1alpha3': { ...networkingAlpha },
  'security.istio.io/v1': { ...security },
};

function schemaProblems(object: KubeObject): readonly string[] {
  const found = models[object.apiVersion]?.[object.kind];
  if (typeof found !== 'function') return [`${nameOf(object)}: nobody knows ${object.apiVersion}`];
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every class of these modules is made like this
    new (found as ModelClass)(object).validate();
    return [];
  } catch (error) {
    return [`${nameOf(object)}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Hosts that somebody may call: Services and the outside. */
function hostsOf(
  objects: readonly KubeObject[],
): readonly { readonly host: string; readonly pods: number | undefined; readonly http: boolean }[] {
  const services = servicesOf(objects).map(({ object, selector, ports }) => {
    const { name, namespace = '' } = object.metadata;
    const pods = controllersOf(objects).find(({ template }) => selects(selector, template.metadata.labels));
    const names = ports.map((port) => port.name ?? '');
    return { host: hostOf({ name, namespace }), pods: pods?.replicas, http: names.includes('http') };
  });
  const outside = outsideHostsOf(objects).map(({ host }) => ({ host, pods: undefined, http: false }));
  return [...services, ...outside];
}

/** As the policies must have it; not taken from the code that writes them. */
function pathsOf(path: (typeof gatewayRoutes)[number]['path']): string[] {
  return 'exact' in path ? [path.exact] : [path.prefix, `${path.prefix}/*`];
}

/** `GET /a`, one line for each method at each path. */
function spelledOut({
  methods = ['*'],
  paths = ['*'],
}: {
  readonly methods?: string[] | undefined;
  readonly paths?: string[] | undefined;
}): readonly string[] {
  return methods.flatMap((method) => paths.map((path) => `${method} ${path}`));
}

export const meshProperties: readonly Property[] = [
  {
    name: 'every Service and every host outside has a DestinationRule with a connection pool and outlier detection',
    needsMesh: true,
    check: (objects) => {
      const rules = new Map(destinationRulesOf(objects).map((rule) => [rule.host, rule]));
      return forEach(hostsOf(objects), ({ host, pods, http }) => {
        const policy = rules.get(host)?.trafficPolicy;
        const outlier = policy?.outlierDetection;
        return [
          ...unless(
            (policy?.connectionPool?.tcp?.maxConnections ?? 0) > 0,
            `${host} has no limit of connections`,
          ),
          ...unless(!http || policy?.connectionPool?.http !== undefined, `${host} has no limit of requests`),
          ...unless(outlier !== undefined, `${host} has no outlier detection`),
          // A share of one or two pods that is less than one ejects nobody.
          ...unless(
            (pods ?? 1) > 2 || (outlier?.maxEjectionPercent ?? 100) === 100,
            `${host} can never be ejected`,
          ),
        ];
      });
    },
  },
  {
    name: 'a full bucket of the rate limit may come at once: that many requests may wait for the service behind it',
    needsMesh: true,
    check: (objects) =>
      forEach(gatewayRoutes, ({ service, limit }) => {
        const rule = destinationRulesOf(objects).find(({ object }) => object.metadata.name === service);
        const pending = rule?.trafficPolicy?.connectionPool?.http?.http1MaxPendingRequests ?? 0;
        const { requestsPerMinute } = rateLimits[limit];
        return unless(
          pending >= requestsPerMinute,
          `${pending} of ${requestsPerMinute} requests may wait for ${service}`,
        );
      }),
  },
  {
    name: 'every DestinationRule and route means a host that exists',
    needsMesh: true,
    check: (objects) => {
      const known = new Set(hostsOf(objects).map(({ host }) => host));
      const meant = [
        ...destinationRulesOf(objects).map(({ object, host }) => ({ object, host })),
        ...routesOf(objects).flatMap(({ object, route }) =>
          route.route.map(({ destination }) => ({ object, host: destination.host })),
        ),
      ];
      return forEach(meant, ({ object, host }) => unless(known.has(host), `${nameOf(object)} means ${host}`));
    },
  },
  {
    name: 'no scope has two hosts of one port outside that only the port tells apart',
    needsMesh: true,
    check: (objects) =>
      forEach(sidecarsOf(objects), ({ object, egress }) => {
        const hosts = egress.flatMap((one) => one.hosts);
        const streams = outsideHostsOf(objects).filter(
          ({ host, namespace, protocol }) =>
            protocol === 'TCP' &&
            [`${namespace}/${host}`, `${namespace}/*`, './*', '*/*'].some((one) => hosts.includes(one)),
        );
        const numbers = new Set(streams.map(({ number }) => number));
        return unless(numbers.size === streams.length, `${nameOf(object)} cannot tell its hosts apart`);
      }),
  },
  {
    name: 'every route has a name, a timeout and its number of retries, and what changes something is sent once',
    needsMesh: true,
    check: (objects) =>
      forEach(routesOf(objects), ({ object, route }) => {
        const where = `${nameOf(object)}, route ${route.name}`;
        const readsOnly = route.match?.every(({ method }) => method?.exact === 'GET') ?? false;
        return [
          ...unless((route.name ?? '') !== '', `${nameOf(object)} has a route without a name`),
          ...unless(route.timeout !== undefined, `${where} has no timeout`),
          // Unset is two.
          ...unless(route.retries !== undefined, `${where} does not say how often it is tried`),
          ...unless(readsOnly || route.retries?.attempts === 0, `${where} may send a change twice`),
        ];
      }),
  },
  {
    name: 'every HTTP callee in the mesh that is not behind the gateway has a route that sends once',
    needsMesh: true,
    check: (objects) => {
      const routed = new Set(
        routesOf(objects).flatMap(({ route }) => route.route.map((one) => one.destination.host)),
      );
      const callees = authorizationsOf(objects).filter(
        ({ selector, rules = [] }) =>
          selector?.matchLabels['app'] !== 'gateway' &&
          rules.some(({ to = [] }) => to.some(({ operation }) => operation.ports?.includes('3000'))),
      );
      return forEach(callees, ({ object }) => {
        const host = hostOf({ name: object.metadata.name, namespace: object.metadata.namespace ?? '' });
        return unless(routed.has(host), `calls of ${host} are retried by default`);
      });
    },
  },
  {
    name: 'the gateway passes what is on the route table, with a token where the table says so, and nothing else',
    needsMesh: true,
    check: (objects) => {
      const rules = authorizationsOf(objects)
        .filter(({ selector }) => selector?.matchLabels['app'] === 'gateway')
        .flatMap(({ rules = [] }) => rules);
      const passed = rules.flatMap(({ from, to = [] }) => {
        const principals = from?.flatMap(({ source }) => source.requestPrincipals ?? []) ?? [];
        const access =
          from === undefined
            ? 'anybody'
            : principals.length > 0 && !principals.includes('*')
              ? 'token'
              : 'odd';
        return to.flatMap(({ operation }) => spelledOut(operation).map((one) => `${one} ${access}`));
      });
      const wanted = gatewayRoutes.flatMap(({ methods, path, access }) =>
        spelledOut({ methods: [...methods], paths: pathsOf(path) }).map((one) => `${one} ${access}`),
      );
      return {
        evaluated: wanted.length,
        problems: [
          ...wanted.filter((one) => !passed.includes(one)).map((one) => `the gateway refuses ${one}`),
          ...passed.filter((one) => !wanted.includes(one)).map((one) => `the gateway passes ${one}`),
          ...unless(rules.length > 0, 'the gateway has no policy'),
        ],
      };
    },
  },
  {
    name: 'the services behind the gateway are asked by it for what is on the route table, and nothing else',
    needsMesh: true,
    check: (objects) =>
      forEach([...new Set(gatewayRoutes.map(({ service }) => service))], (service) => {
        const rules = authorizationsOf(objects)
          .filter(({ selector }) => selector?.matchLabels['app'] === service)
          .flatMap(({ rules = [] }) => rules);
        const asked = rules.flatMap(({ to = [{ operation: {} }] }) =>
          to.flatMap(({ operation }) => spelledOut(operation)),
        );
        const wanted = gatewayRoutes
          .filter((route) => route.service === service)
          .flatMap(({ methods, path }) => spelledOut({ methods: [...methods], paths: pathsOf(path) }));
        return differencesOf(wanted, asked, `AuthorizationPolicy ${service}`);
      }),
  },
  {
    name: "every object of Istio's fits Istio's own schema",
    needsMesh: true,
    check: (objects) =>
      forEach(
        objects.filter(({ apiVersion }) => apiVersion.includes('istio.io/')),
        schemaProblems,
      ),
  },
];
