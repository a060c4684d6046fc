import {
  commonWaysOut,
  differencesOf,
  edgesOfAuthorization,
  edgesOfEgress,
  edgesOfIngress,
  edgesOfTopology,
  scopesOfSidecars,
  scopesOfTopology,
} from './edges.ts';
import {
  authorizationsOf,
  controllersOf,
  nameOf,
  networkPoliciesOf,
  ofKind,
  servicesOf,
  sidecarsOf,
} from './manifest-view.ts';
import { forEach, unless, type Property } from './property.ts';

/** Nobody is reached by others than its callers, at any layer. */
export const callerProperties: readonly Property[] = [
  {
    name: 'every callee has an AuthorizationPolicy that names exactly its callers and their ports',
    needsMesh: true,
    check: (objects, environment) => {
      const wanted = edgesOfTopology(environment);
      const policies = authorizationsOf(objects);
      const unprotected = controllersOf(objects).filter(
        ({ object, template }) =>
          !policies.some(
            (policy) =>
              policy.object.metadata.namespace === object.metadata.namespace &&
              policy.selector?.matchLabels['app'] === template.metadata.labels['app'],
          ),
      );
      return {
        evaluated: wanted.length,
        problems: [
          ...differencesOf(wanted, edgesOfAuthorization(objects), 'AuthorizationPolicy'),
          ...unprotected.map(({ object }) => `${nameOf(object)} has no AuthorizationPolicy`),
        ],
      };
    },
  },
  {
    name: 'policies for byte streams speak of ports alone, and none of them denies by exception',
    needsMesh: true,
    check: (objects) => {
      const streams = new Map(
        servicesOf(objects).flatMap(({ object, ports }) =>
          ports
            .filter(({ name = '' }) => name.startsWith('tcp-'))
            .map(({ targetPort }) => [`${object.metadata.name}:${targetPort}`, true] as const),
        ),
      );
      return forEach(authorizationsOf(objects), ({ object, selector, rules = [], action = 'ALLOW' }) => {
        const app = selector?.matchLabels['app'];
        const operations = rules.flatMap(({ to = [] }) => to.map(({ operation }) => operation));
        const wrong = operations.filter(
          ({ ports = [], methods, paths }) =>
            ports.some((port) => streams.has(`${app}:${port}`)) && (methods ?? paths) !== undefined,
        );
        return [
          ...wrong.map(() => `${nameOf(object)} has a rule for a byte stream that never fits`),
          ...unless(action === 'ALLOW', `${nameOf(object)} has action ${action}`),
        ];
      });
    },
  },
  {
    name: 'packets take the same ways as calls: NetworkPolicies at both ends name exactly the callers and callees',
    check: (objects, environment) => {
      const wanted = edgesOfTopology(environment);
      return {
        evaluated: wanted.length,
        problems: [
          ...differencesOf(wanted, edgesOfIngress(objects), 'NetworkPolicy ingress'),
          ...differencesOf(
            [...wanted, ...commonWaysOut(environment)],
            edgesOfEgress(objects),
            'NetworkPolicy egress',
          ),
        ],
      };
    },
  },
  {
    name: 'every pod has a NetworkPolicy of its own that lets it ask DNS, and istiod where there is a mesh',
    check: (objects, { mesh }) =>
      forEach(controllersOf(objects), ({ object, template }) => {
        const own = networkPoliciesOf(objects).find(
          (policy) =>
            policy.object.metadata.namespace === object.metadata.namespace &&
            policy.podSelector.matchLabels?.['app'] === template.metadata.labels['app'],
        );
        if (own === undefined) return [`${nameOf(object)} has no NetworkPolicy`];
        const reaches = (wanted: number) =>
          own.egress.some(({ ports = [] }) => ports.some(({ port }) => port === wanted));
        return [
          ...unless(reaches(53), `${nameOf(object)} cannot ask DNS`),
          ...unless(!mesh || reaches(15_012), `${nameOf(object)} cannot reach istiod`),
          ...unless(
            own.policyTypes.includes('Ingress') && own.policyTypes.includes('Egress'),
            `${nameOf(own.object)} leaves one direction open`,
          ),
        ];
      }),
  },
  {
    name: 'every namespace of ours is closed by default',
    check: (objects, { mesh }) =>
      forEach(ofKind(objects, 'Namespace'), ({ metadata: { name } }) => {
        const within = objects.filter(({ metadata }) => metadata.namespace === name);
        const closed = networkPoliciesOf(within).some(
          ({ podSelector, ingress, egress, policyTypes }) =>
            podSelector.matchLabels === undefined &&
            ingress.length + egress.length === 0 &&
            policyTypes.length === 2,
        );
        const refuses = authorizationsOf(within).some(
          ({ selector, rules }) => selector === undefined && rules === undefined,
        );
        const strict = ofKind(within, 'PeerAuthentication').some(
          ({ spec }) => JSON.stringify(spec) === '{"mtls":{"mode":"STRICT"}}',
        );
        return [
          ...unless(closed, `Namespace ${name} has no NetworkPolicy that closes it`),
          ...unless(!mesh || refuses, `Namespace ${name} has no AuthorizationPolicy that refuses all`),
          ...unless(!mesh || strict, `Namespace ${name} does not insist on mutual TLS`),
        ];
      }),
  },
  {
    name: "a workload's Sidecar knows exactly its callees, and the registry is all that it reaches",
    needsMesh: true,
    check: (objects, environment) => {
      const wanted = scopesOfTopology(environment);
      const open = sidecarsOf(objects).filter(
        ({ outboundTrafficPolicy }) => outboundTrafficPolicy?.mode !== 'REGISTRY_ONLY',
      );
      return {
        evaluated: wanted.length,
        problems: [
          ...differencesOf(wanted, scopesOfSidecars(objects), 'Sidecar'),
          ...open.map(({ object }) => `${nameOf(object)} lets any address be called`),
        ],
      };
    },
  },
];
