import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { MeshService, type Mount } from '../constructs/mesh-service.ts';
import type { Environment, Resources } from '../environment.ts';
import type { Images } from '../images.ts';
import type { NetworkSurroundings } from '../network-rules.ts';
import { fromSecret, labelsOf } from '../pod.ts';
import { ports, workloadNamed } from '../topology.ts';

/** What stands for the world outside on a cluster to try things on: a payment provider that keeps its ledger, and ends of the line for mail and SMS. */

export interface OutsideProps {
  readonly environment: Environment;
  readonly resources: Resources;
  readonly surroundings: NetworkSurroundings;
  readonly images: Images;
}

const address: readonly k8s.EnvVar[] = [
  { name: 'HOST', value: '0.0.0.0' },
  { name: 'PORT', value: String(ports.http.number) },
];
const probes = { port: ports.http.name, ready: '/healthz', live: '/healthz' };

export function addPaymentProvider(scope: Construct, props: OutsideProps): void {
  const workload = workloadNamed('payment-provider');
  const claimName = `${workload.name}-ledger`;
  new k8s.KubePersistentVolumeClaim(scope, claimName, {
    metadata: { name: claimName, namespace: workload.namespace, labels: labelsOf(workload) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: k8s.Quantity.fromString('256Mi') } },
    },
  });
  addHelper(scope, 'payment-provider', props, {
    env: [
      { name: 'PAYMENT_PROVIDER_FILE', value: '/ledger/payment-provider.jsonl' },
      fromSecret('PAYMENT_PROVIDER_KEY', 'payment-provider', 'key'),
    ],
    mount: {
      path: '/ledger',
      volume: { name: 'ledger', persistentVolumeClaim: { claimName } },
      readOnly: false,
    },
  });
}

export function addSinks(scope: Construct, props: OutsideProps): void {
  const received = (name: string): { readonly env: readonly k8s.EnvVar[]; readonly mount: Mount } => ({
    env: [{ name: 'SINK_FILE', value: `/received/${name}.jsonl` }],
    mount: { path: '/received', volume: { name: 'received', emptyDir: {} }, readOnly: false },
  });
  const mails = received('mails');
  addHelper(scope, 'smtp-sink', props, {
    ...mails,
    env: [{ name: 'SMTP_PORT', value: String(ports.smtp.number) }, ...mails.env],
  });
  addHelper(scope, 'sms-sink', props, received('messages'));
}

function addHelper(
  scope: Construct,
  name: 'payment-provider' | 'smtp-sink' | 'sms-sink',
  { environment, resources, surroundings, images }: OutsideProps,
  { env, mount }: { readonly env: readonly k8s.EnvVar[]; readonly mount: Mount },
): void {
  new MeshService(scope, name, {
    workload: workloadNamed(name),
    surroundings,
    image: images.ours(name),
    env: [...address, ...env],
    probes,
    replicas: 1,
    resources,
    sidecar: environment.resources.sidecar,
    mounts: [mount],
    // Its file is its own: two at once would write over each other.
    strategy: 'Recreate',
  });
}
