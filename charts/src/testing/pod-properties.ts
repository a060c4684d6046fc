import { controllersOf, nameOf, type Controller } from './manifest-view.ts';
import { forEach, unless, type Property } from './property.ts';

/** What holds for every pod and container. */

type Container = Controller['template']['spec']['containers'][number];

function containersOf(controllers: readonly Controller[]) {
  return controllers.flatMap((controller) => {
    const { containers, initContainers } = controller.template.spec;
    return [...containers, ...initContainers].map((container) => ({
      controller,
      container,
      where: `${nameOf(controller.object)}, container ${container.name}`,
    }));
  });
}

function securityProblems({ template }: Controller, container: Container, where: string): readonly string[] {
  const pod = template.spec.securityContext;
  const own = container.securityContext;
  return [
    ...unless(own?.allowPrivilegeEscalation === false, `${where} may gain privileges`),
    ...unless(own?.privileged !== true, `${where} is privileged`),
    ...unless(own?.capabilities?.drop.includes('ALL') ?? false, `${where} keeps capabilities`),
    ...unless((own?.capabilities?.add ?? []).length === 0, `${where} adds capabilities`),
    ...unless((own?.runAsNonRoot ?? pod?.runAsNonRoot) === true, `${where} may run as root`),
    ...unless((own?.runAsUser ?? pod?.runAsUser) !== 0, `${where} runs as root`),
    ...unless(own?.readOnlyRootFilesystem === true, `${where} may write to its image`),
    ...unless(
      ['RuntimeDefault', 'Localhost'].includes(pod?.seccompProfile?.type ?? ''),
      `${where} has no seccomp profile`,
    ),
  ];
}

const restrictedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

export const podProperties: readonly Property[] = [
  {
    name: 'every pod satisfies the level restricted of Pod Security, and no image is written to',
    check: (objects) =>
      forEach(containersOf(controllersOf(objects)), ({ controller, container, where }) => {
        const { hostNetwork, hostPID, hostIPC, volumes } = controller.template.spec;
        const odd = volumes.filter((volume) => !restrictedVolumes.some((kind) => volume[kind] !== undefined));
        return [
          ...securityProblems(controller, container, where),
          ...unless(!hostNetwork && !hostPID && !hostIPC, `${where} shares a namespace of the host`),
          ...odd.map(({ name }) => `${where} has the volume ${name}, of a kind that is not allowed`),
        ];
      }),
  },
  {
    name: 'every container has all three probes',
    check: (objects) =>
      forEach(containersOf(controllersOf(objects)), ({ container, where }) =>
        (['startupProbe', 'readinessProbe', 'livenessProbe'] as const).flatMap((name) => {
          const probe = container[name];
          if (probe === undefined) return [`${where} has no ${name}`];
          const port = probe.httpGet?.port;
          const known = container.ports.some((one) => one.name === port);
          // The sidecar's own port is declared by the injector.
          return unless(
            probe.exec !== undefined || known || port === 15_021,
            `${where}: ${name} asks a port that nobody has`,
          );
        }),
      ),
  },
  {
    name: 'every container says what it needs and what it may take',
    check: (objects) =>
      forEach(containersOf(controllersOf(objects)), ({ container, where }) =>
        (['requests', 'limits'] as const).flatMap((name) =>
          ['cpu', 'memory'].flatMap((resource) =>
            unless(
              container.resources?.[name]?.[resource] !== undefined,
              `${where} has no ${name} of ${resource}`,
            ),
          ),
        ),
      ),
  },
  {
    name: 'no image is pulled when it is there, and none is `latest`',
    check: (objects) =>
      forEach(containersOf(controllersOf(objects)), ({ container: { image, imagePullPolicy }, where }) => {
        // Istio's injector puts the image of its own version in this place.
        const tagged = image === 'auto' || /:(?!latest$)[\w.-]+$/.test(image);
        return [
          ...unless(imagePullPolicy === 'IfNotPresent', `${where} is pulled ${imagePullPolicy}`),
          ...unless(tagged, `${where} has the image ${image}`),
        ];
      }),
  },
  {
    name: 'every pod has an account of its own without a mounted token, and replicas that avoid one node',
    check: (objects) =>
      forEach(controllersOf(objects), ({ object, template, replicas }) => {
        const { serviceAccountName, automountServiceAccountToken, affinity } = template.spec;
        return [
          ...unless(
            serviceAccountName === object.metadata.name,
            `${nameOf(object)} runs as ${serviceAccountName}`,
          ),
          ...unless(automountServiceAccountToken === false, `${nameOf(object)} mounts a token`),
          ...unless(
            replicas === 1 || affinity !== undefined,
            `${nameOf(object)} has replicas that may share a node`,
          ),
        ];
      }),
  },
];
