import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { databaseSecret, type Resources } from '../environment.ts';
import type { NetworkSurroundings } from '../network-rules.ts';
import {
  containerPorts,
  containerSecurityContext,
  fromSecret,
  labelsOf,
  podBasics,
  podUser,
  resourcesOf,
  sidecarAnnotations,
} from '../pod.ts';
import { workloadNamed, type StoreName } from '../topology.ts';
import { WorkloadFrame } from './workload-frame.ts';

export interface PostgresDatabaseProps {
  readonly store: StoreName;
  readonly surroundings: NetworkSurroundings;
  readonly image: string;
  readonly storage: string;
  readonly resources: Resources;
  readonly sidecar: Resources;
}

/** One PostgreSQL server for one service, on a persistent volume. For clusters to try things on: no replica, no backup. */
export class PostgresDatabase extends Construct {
  constructor(scope: Construct, id: string, props: PostgresDatabaseProps) {
    super(scope, id);
    const workload = workloadNamed(`${props.store}-db`);
    const { name, namespace } = workload;
    const labels = labelsOf(workload);
    const metadata = { name, namespace, labels };
    const { surroundings } = props;
    new WorkloadFrame(this, 'frame', { workload, surroundings, replicas: 1 });
    new k8s.KubeConfigMap(this, 'users', {
      metadata: { ...metadata, name: `${name}-users` },
      data: { users: `postgres:x:${podUser}:${podUser}:PostgreSQL:/tmp:/bin/sh\n` },
    });
    new k8s.KubeStatefulSet(this, 'server', {
      metadata,
      spec: {
        serviceName: name,
        replicas: 1,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels, ...(surroundings.mesh && { annotations: sidecarAnnotations(props.sidecar) }) },
          spec: podSpec(props),
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              resources: { requests: { storage: k8s.Quantity.fromString(props.storage) } },
            },
          },
        ],
      },
    });
  }
}

function podSpec({ store, image, resources }: PostgresDatabaseProps): k8s.PodSpec {
  const workload = workloadNamed(`${store}-db`);
  const secret = databaseSecret(store);
  const answers = { exec: { command: ['pg_isready', '-q', '-h', '127.0.0.1'] }, timeoutSeconds: 3 };
  return {
    ...podBasics(workload.name),
    containers: [
      {
        name: 'postgres',
        image,
        imagePullPolicy: 'IfNotPresent',
        args: ['postgres', '-c', 'shared_buffers=32MB', '-c', 'max_connections=60'],
        ports: containerPorts(workload.ports),
        env: [
          fromSecret('POSTGRES_USER', secret, 'username'),
          fromSecret('POSTGRES_PASSWORD', secret, 'password'),
          { name: 'POSTGRES_DB', value: store },
          // Below the volume's own folder, which belongs to whoever made the volume.
          { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
        ],
        resources: resourcesOf(resources),
        securityContext: containerSecurityContext(),
        startupProbe: { ...answers, periodSeconds: 2, failureThreshold: 60 },
        readinessProbe: { ...answers, periodSeconds: 5, failureThreshold: 2 },
        livenessProbe: { ...answers, timeoutSeconds: 5, periodSeconds: 10, failureThreshold: 6 },
        volumeMounts: [
          { name: 'data', mountPath: '/var/lib/postgresql/data' },
          { name: 'sockets', mountPath: '/var/run/postgresql' },
          { name: 'tmp', mountPath: '/tmp' },
          // PostgreSQL insists on a name for its user, and images differ in the id they give it.
          { name: 'users', mountPath: '/etc/passwd', subPath: 'users', readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'sockets', emptyDir: {} },
      { name: 'tmp', emptyDir: { sizeLimit: k8s.Quantity.fromString('64Mi') } },
      { name: 'users', configMap: { name: `${workload.name}-users` } },
    ],
  };
}
