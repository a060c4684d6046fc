import { createHash } from 'node:crypto';
import { brokerAccesses } from '@sagamesh/contracts/broker-access';
import { passwordVariable } from '@sagamesh/contracts/nats-authorization';
import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { brokerPeers } from '../breaker-limits.ts';
import type { Environment } from '../environment.ts';
import { natsConfig } from '../nats-config.ts';
import type { NetworkSurroundings } from '../network-rules.ts';
import {
  containerPorts,
  containerSecurityContext,
  fromSecret,
  labelsOf,
  podBasics,
  portNamed,
  resourcesOf,
  sidecarAnnotations,
  spread,
} from '../pod.ts';
import { hostOf, natsPeersService, ports, type Workload } from '../topology.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { WorkloadFrame } from './workload-frame.ts';

export interface NatsClusterProps {
  readonly workload: Workload;
  readonly surroundings: NetworkSurroundings;
  readonly environment: Environment;
  readonly image: string;
}

const configName = 'nats-config';

/** JetStream on persistent volumes: one server, or three that keep each stream together. */
export class NatsCluster extends Construct {
  constructor(scope: Construct, id: string, props: NatsClusterProps) {
    super(scope, id);
    const { workload, surroundings, environment } = props;
    const { name, namespace } = workload;
    const { replicas } = environment.nats;
    const labels = labelsOf(workload);
    const metadata = { name, namespace, labels };
    const config = natsConfig(environment.nats);
    new WorkloadFrame(this, 'frame', { workload, surroundings, replicas });
    if (replicas > 1) this.addPeers(props);
    new k8s.KubeConfigMap(this, 'config', {
      metadata: { ...metadata, name: configName },
      data: { 'nats.conf': config },
    });
    new k8s.KubeStatefulSet(this, 'servers', {
      metadata,
      spec: {
        serviceName: replicas > 1 ? natsPeersService : name,
        replicas,
        // Peers wait for each other: one after the other none would become ready.
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: { app: name } },
        template: {
          metadata: {
            labels,
            annotations: {
              // Another configuration makes other pods: the server reads it at its start.
              'sagamesh.dev/config-hash': createHash('sha256').update(config).digest('hex').slice(0, 16),
              ...(surroundings.mesh && sidecarAnnotations(environment.resources.sidecar)),
            },
          },
          spec: podSpec(props),
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              resources: { requests: { storage: k8s.Quantity.fromString(environment.nats.storage) } },
            },
          },
        ],
      },
    });
  }

  /** Names of the single servers, for the servers alone; also before they are ready, which they become by finding each other. */
  private addPeers({ workload, surroundings }: NatsClusterProps): void {
    const { name, namespace } = workload;
    const peers = { name: natsPeersService, namespace };
    new k8s.KubeService(this, 'peers', {
      metadata: { ...peers, labels: labelsOf(workload) },
      spec: {
        clusterIp: 'None',
        publishNotReadyAddresses: true,
        selector: { app: name },
        ports: workload.ports.map((port) => ({
          name: port.name,
          port: port.number,
          targetPort: k8s.IntOrString.fromNumber(port.number),
          protocol: 'TCP',
        })),
      },
    });
    if (!surroundings.mesh) return;
    new CircuitBreaker(this, 'peers-breaker', {
      ...peers,
      host: hostOf(peers),
      limits: brokerPeers,
      replicas: 3,
    });
  }
}

function podSpec({ workload, environment, image }: NatsClusterProps): k8s.PodSpec {
  const { name } = workload;
  const healthz = (query: string) => ({
    httpGet: { path: `/healthz${query}`, port: portNamed(ports.natsMonitor.name) },
    timeoutSeconds: 3,
  });
  return {
    ...podBasics(name),
    ...spread(name),
    containers: [
      {
        name,
        image,
        imagePullPolicy: 'IfNotPresent',
        args: ['--config', '/etc/nats-config/nats.conf'],
        ports: containerPorts(workload.ports),
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          ...brokerAccesses
            .map((client) => passwordVariable(client.name))
            .map((variable) => fromSecret(variable, 'nats-users', variable)),
        ],
        resources: resourcesOf(environment.resources.broker),
        securityContext: containerSecurityContext(),
        // Streams are read back at the start; later, a server that lags behind its peers is slow, not dead.
        startupProbe: { ...healthz('?js-enabled-only=true'), periodSeconds: 2, failureThreshold: 90 },
        readinessProbe: { ...healthz('?js-server-only=true'), periodSeconds: 5, failureThreshold: 2 },
        livenessProbe: {
          ...healthz('?js-enabled-only=true'),
          timeoutSeconds: 5,
          periodSeconds: 10,
          failureThreshold: 6,
        },
        volumeMounts: [
          { name: 'config', mountPath: '/etc/nats-config', readOnly: true },
          { name: 'data', mountPath: '/data' },
        ],
      },
    ],
    volumes: [{ name: 'config', configMap: { name: configName } }],
  };
}
