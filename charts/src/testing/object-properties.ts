import type { KubeObject } from '../kube-object.ts';
import {
  controllersOf,
  nameOf,
  networkPoliciesOf,
  ofKind,
  podSelectorOf,
  selects,
  servicesOf,
} from './manifest-view.ts';
import { forEach, unless, type Property } from './property.ts';

/** What holds for objects of any kind, and between them. */

/** The prefixes by which Istio knows a protocol. Other names it sniffs, and waits for a byte that a NATS or mail client never sends first. */
const protocolPrefix = /^(http|http2|https|grpc|tcp|tls)(-[a-z0-9-]+)?$/;

/** Kinds of a workload's frame, by workload; the mesh adds three. */
const frameKinds = ['ServiceAccount', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'] as const;
const meshKinds = ['DestinationRule', 'AuthorizationPolicy', 'Sidecar'] as const;

/** Literal values that look like what only a Secret may hold. */
const credential = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /^[a-z]+:\/\/[^/\s:@]+:[^/\s@]+@/i,
  /\bsk_(live|test)_\w+/,
  /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}/,
  /password:\s*(?!\$)\S/i,
];

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(stringsOf);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

export const objectProperties: readonly Property[] = [
  {
    name: 'every port is named with its protocol',
    check: (objects) => {
      const servicePorts = servicesOf(objects).flatMap(({ object, ports }) =>
        ports.map(({ name = '', port }) => ({ where: nameOf(object), name, port })),
      );
      const containerPorts = controllersOf(objects).flatMap(({ object, template }) =>
        template.spec.containers.flatMap(({ ports }) =>
          ports.map(({ name = '', containerPort }) => ({
            where: nameOf(object),
            name,
            port: containerPort,
          })),
        ),
      );
      return forEach([...servicePorts, ...containerPorts], ({ where, name, port }) =>
        unless(protocolPrefix.test(name), `${where}: port ${port} is named "${name}"`),
      );
    },
  },
  {
    name: 'labels match: every selector finds the pods that it means, and every Service a port of theirs',
    check: (objects) => {
      const controllers = controllersOf(objects);
      const pods = (namespace: string | undefined, selector: Readonly<Record<string, string>>) =>
        controllers.filter(
          ({ object, template }) =>
            object.metadata.namespace === namespace && selects(selector, template.metadata.labels),
        );
      const selecting = objects.flatMap((object) => {
        const selector = podSelectorOf(object);
        return selector === undefined ? [] : [{ object, selector }];
      });
      const others = forEach(selecting, ({ object, selector }) => {
        const found = pods(object.metadata.namespace, selector);
        return unless(found.length === 1, `${nameOf(object)} selects ${found.length} workloads`);
      });
      const services = forEach(servicesOf(objects), ({ object, selector, ports }) => {
        const [found, ...more] = pods(object.metadata.namespace, selector);
        if (found === undefined || more.length > 0) return [`${nameOf(object)} does not select one workload`];
        const numbers = found.template.spec.containers.flatMap((one) =>
          one.ports.map(({ containerPort }) => containerPort),
        );
        return ports
          .filter(({ targetPort }) => typeof targetPort !== 'number' || !numbers.includes(targetPort))
          .map(({ targetPort }) => `${nameOf(object)}: no container has port ${targetPort}`);
      });
      return {
        evaluated: others.evaluated + services.evaluated,
        problems: [...others.problems, ...services.problems],
      };
    },
  },
  {
    name: 'every workload has all that stands around it, by its own name',
    check: (objects, { mesh }) =>
      forEach(controllersOf(objects), ({ object, template }) => {
        const { name, namespace } = object.metadata;
        const app = template.metadata.labels['app'];
        const expected = [
          // The operator's account stands with its RBAC.
          ...frameKinds.filter((kind) => kind !== 'ServiceAccount' || name !== 'sagamesh-operator'),
          // The gateway's own policies have other names; scopes are for sidecars.
          ...(mesh ? meshKinds.filter((kind) => kind === 'DestinationRule' || app !== 'gateway') : []),
        ];
        const missing = expected.filter(
          (kind) =>
            !ofKind(objects, kind).some(
              ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
            ),
        );
        return [
          ...missing.map((kind) => `${nameOf(object)} has no ${kind}`),
          ...unless(app === name, `${nameOf(object)} has the label app ${app}`),
          ...unless(template.metadata.labels['version'] !== undefined, `${nameOf(object)} has no version`),
        ];
      }),
  },
  {
    name: 'no budget keeps a node from being emptied, and no Deployment says a number that its scaler owns',
    check: (objects) => {
      const budgets = forEach(ofKind(objects, 'PodDisruptionBudget'), (object) =>
        // Of one pod, too: where one must stay, a drain waits forever.
        unless(field(object, 'maxUnavailable') === 1, `${nameOf(object)} may forbid to move the last pod`),
      );
      const scaled = forEach(ofKind(objects, 'HorizontalPodAutoscaler'), (object) => {
        const [target, ...more] = controllersOf(objects).filter(
          (one) =>
            one.object.metadata.name === object.metadata.name &&
            one.object.metadata.namespace === object.metadata.namespace,
        );
        return [
          ...unless(target !== undefined && more.length === 0, `${nameOf(object)} scales nothing`),
          ...unless(target?.replicas === undefined, `every apply undoes what ${nameOf(object)} did`),
        ];
      });
      return {
        evaluated: budgets.evaluated + scaled.evaluated,
        problems: [...budgets.problems, ...scaled.problems],
      };
    },
  },
  {
    name: 'no two objects share kind and name, and a name fits its kind',
    check: (objects) => {
      const seen = new Set<string>();
      return forEach(objects, (object) => {
        const key = `${object.apiVersion.split('/')[0]} ${nameOf(object)}`;
        const again = seen.has(key);
        seen.add(key);
        const fits = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(object.metadata.name);
        return [
          ...unless(!again, `${key} is there twice`),
          ...unless(fits, `${key} is no name for an object`),
        ];
      });
    },
  },
  {
    name: 'no Secret and nothing that looks like a credential is written down',
    check: (objects) =>
      forEach(objects, (object) => [
        ...unless(object.kind !== 'Secret', `${nameOf(object)} is a Secret`),
        ...stringsOf(object)
          .filter((text) => credential.some((pattern) => pattern.test(text)))
          .map(() => `${nameOf(object)} holds what looks like a credential`),
        ...(['Deployment', 'StatefulSet'].includes(object.kind) ? secretVariables(object) : []),
      ]),
  },
  {
    name: 'nothing of the mesh is left where there is none, and nobody is reachable from everywhere but the gateway',
    check: (objects, { mesh }) =>
      forEach(objects, (object) => [
        ...unless(mesh || !object.apiVersion.includes('istio.io'), `${nameOf(object)} needs a mesh`),
        ...networkPoliciesOf([object]).flatMap(({ podSelector, ingress }) => {
          const open = ingress
            .filter(({ from = [] }) => from.length === 0)
            .flatMap(({ ports }) => ports?.map(({ port }) => port) ?? ['any port']);
          // The sidecar's ports answer probes and scrapes.
          const strange = open.filter((port) => typeof port !== 'number' || port < 15_000);
          return unless(
            strange.length === 0 || podSelector.matchLabels?.['app'] === 'gateway',
            `${nameOf(object)} lets anybody reach ${strange.join(', ')}`,
          );
        }),
      ]),
  },
];

function field({ spec }: KubeObject, name: string): unknown {
  return spec === undefined ? undefined : new Map<string, unknown>(Object.entries(spec)).get(name);
}

/** Whatever its value looks like: a variable of such a name comes from a Secret. */
function secretVariables(object: KubeObject): readonly string[] {
  return controllersOf([object]).flatMap(({ template }) =>
    template.spec.containers.flatMap(({ env }) =>
      env
        .filter(({ name, value }) => value !== undefined && /PASSWORD|SECRET|TOKEN|_KEY$/.test(name))
        .map(({ name }) => `${nameOf(object)} writes down ${name}`),
    ),
  );
}
