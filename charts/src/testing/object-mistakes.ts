import { containerOf, find, podOf, without, type Mistakes } from './mutant.ts';

/** Objects and what is between them, gone wrong. By the beginning of the name of the property that must notice. */
export const objectMistakes: Mistakes = {
  'every port is named': [
    [
      'a protocol that Istio sniffs',
      (all) => void (find(all, 'Service', 'nats').spec.ports[0].name = 'nats'),
    ],
    ['no name', (all) => void delete containerOf(all, 'order').ports[0].name, 'local'],
  ],
  'labels match': [
    [
      'a Service that selects nobody',
      (all) => void (find(all, 'Service', 'order').spec.selector.app = 'orders'),
    ],
    ['a port that nobody has', (all) => void (find(all, 'Service', 'order').spec.ports[0].targetPort = 8080)],
    [
      'a budget for nobody',
      (all) => void (find(all, 'PodDisruptionBudget', 'order').spec.selector.matchLabels.app = 'x'),
    ],
    [
      'a policy for nobody',
      (all) => void (find(all, 'AuthorizationPolicy', 'order').spec.selector.matchLabels.app = 'x'),
    ],
    [
      'a scope for nobody',
      (all) => void (find(all, 'Sidecar', 'order').spec.workloadSelector.labels.app = 'x'),
    ],
    [
      'a filter for nobody',
      (all) => void (find(all, 'EnvoyFilter', 'rate-limit').spec.workloadSelector.labels.app = 'x'),
    ],
  ],
  'every workload has all': [
    ['no budget', (all) => without(all, 'PodDisruptionBudget', 'nats'), 'production'],
    ['no account', (all) => without(all, 'ServiceAccount', 'order'), 'local'],
    ['no version', (all) => void delete podOf(all, 'order').metadata.labels.version],
  ],
  'no budget keeps a node': [
    [
      'one must stay',
      (all) =>
        void (find(all, 'PodDisruptionBudget', 'gateway').spec = {
          ...find(all, 'PodDisruptionBudget', 'gateway').spec,
          maxUnavailable: undefined,
          minAvailable: 1,
        }),
    ],
    [
      'a fixed number beside a scaler',
      (all) => void (find(all, 'Deployment', 'order').spec.replicas = 2),
      'production',
    ],
    [
      'a scaler of nothing',
      (all) => void (find(all, 'HorizontalPodAutoscaler', 'order').metadata.name = 'orders'),
      'production',
    ],
  ],
  'no two objects share': [
    ['the same object twice', (all) => [...all, structuredClone(find(all, 'Service', 'order'))]],
    ['a name with an underscore', (all) => void (find(all, 'Service', 'order').metadata.name = 'or_der')],
  ],
  'no Secret and nothing': [
    [
      'a Secret',
      (all) => [
        ...all,
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'x', namespace: 'shop' },
          stringData: { a: 'b' },
        },
      ],
    ],
    [
      'a login in a URL',
      (all) =>
        void containerOf(all, 'order').env.push({
          name: 'DATABASE_URL',
          value: 'postgres://order:hunter2@order-db:5432/order',
        }),
    ],
    [
      'a password in a variable',
      (all) => void containerOf(all, 'order').env.push({ name: 'NATS_PASSWORD', value: 'a' }),
    ],
    ["a payment provider's key", (all) => void (containerOf(all, 'payment').args = ['--key=sk_live_4eC39H'])],
    [
      'a password in a configuration',
      (all) => void (find(all, 'ConfigMap', 'nats-config').data['nats.conf'] += 'password: hunter2\n'),
    ],
    [
      'a private key',
      (all) => void (find(all, 'ConfigMap', 'nats-config').data['key.pem'] = '-----BEGIN PRIVATE KEY-----'),
    ],
  ],
  'nothing of the mesh is left': [
    [
      'a DestinationRule without a mesh',
      (all) => [
        ...all,
        {
          apiVersion: 'networking.istio.io/v1',
          kind: 'DestinationRule',
          metadata: { name: 'x', namespace: 'shop' },
          spec: { host: 'x' },
        },
      ],
      'local',
    ],
    [
      'a service open to everybody at all ports',
      (all) => void find(all, 'NetworkPolicy', 'order-db').spec.ingress.push({}),
    ],
    [
      'a service open to everybody',
      (all) => void delete find(all, 'NetworkPolicy', 'order-db').spec.ingress[0].from,
    ],
  ],
};
