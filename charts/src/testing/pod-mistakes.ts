import { containerOf, podOf, type Mistakes } from './mutant.ts';

/** Pods, gone wrong. By the beginning of the name of the property that must notice. */
export const podMistakes: Mistakes = {
  'every pod satisfies the level restricted': [
    ['capabilities stay', (all) => void delete containerOf(all, 'order').securityContext.capabilities],
    [
      'a capability is added',
      (all) => void (containerOf(all, 'order').securityContext.capabilities.add = ['NET_ADMIN']),
    ],
    [
      'privileges may be gained',
      (all) => void delete containerOf(all, 'order').securityContext.allowPrivilegeEscalation,
    ],
    ['it runs as root', (all) => void (podOf(all, 'order').spec.securityContext.runAsUser = 0)],
    [
      'root is not excluded',
      (all) =>
        void (
          delete podOf(all, 'gateway').spec.securityContext.runAsNonRoot,
          delete containerOf(all, 'gateway').securityContext.runAsNonRoot
        ),
    ],
    ['no seccomp', (all) => void delete podOf(all, 'order').spec.securityContext.seccompProfile],
    [
      'the image is written to',
      (all) => void (containerOf(all, 'order').securityContext.readOnlyRootFilesystem = false),
    ],
    ["the host's network", (all) => void (podOf(all, 'order').spec.hostNetwork = true)],
    [
      "a folder of the host's",
      (all) => void podOf(all, 'order').spec.volumes.push({ name: 'x', hostPath: { path: '/' } }),
    ],
  ],
  'every container has all three probes': [
    ['no liveness', (all) => void delete containerOf(all, 'order').livenessProbe],
    [
      'a port that nobody has',
      (all) => void (containerOf(all, 'order').readinessProbe.httpGet.port = 'health'),
    ],
  ],
  'every container says what it needs': [
    ['no limit of memory', (all) => void delete containerOf(all, 'order').resources.limits.memory],
    ['no requests', (all) => void delete containerOf(all, 'order').resources.requests],
  ],
  'no image is pulled': [
    ['pulled always', (all) => void (containerOf(all, 'order').imagePullPolicy = 'Always')],
    ['latest', (all) => void (containerOf(all, 'order').image = 'sagamesh/order:latest')],
    ['no tag', (all) => void (containerOf(all, 'order').image = 'registry.example:5000/sagamesh/order')],
  ],
  'every pod has an account': [
    ['the account of another', (all) => void (podOf(all, 'order').spec.serviceAccountName = 'payment')],
    ['a mounted token', (all) => void delete podOf(all, 'order').spec.automountServiceAccountToken],
    ['replicas on one node', (all) => void delete podOf(all, 'order').spec.affinity, 'production'],
  ],
};
