import { randomUUID } from 'node:crypto';
import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import type { Logger } from '@sagamesh/runtime/logger';
import type { Registry } from 'prom-client';
import type { OperatorConfig } from './config.ts';
import { loadClusterAccess } from './kube/cluster-access.ts';
import { createKubeClient } from './kube/client.ts';
import type { KubeClient } from './kube/client.ts';
import { createElector } from './kube/elector.ts';
import type { Elector } from './kube/elector.ts';
import { createEventRecorder } from './kube/event-recorder.ts';
import type { EventRecorder } from './kube/event-recorder.ts';
import { createKubeMetrics } from './kube/metrics.ts';
import type { KubeMetrics } from './kube/metrics.ts';
import { createTransport } from './kube/transport.ts';

/** The operator's pieces of the controller kernel, made from its configuration. */
export interface KubeParts {
  readonly client: KubeClient;
  readonly elector: Elector;
  readonly recorder: EventRecorder;
  readonly metrics: KubeMetrics;
  /** Who we are in the Lease and in Events; new with every start. */
  readonly identity: string;
  close(): Promise<void>;
}

export function createKubeParts(
  config: OperatorConfig,
  registry: Registry,
  logger: Logger,
  onLost: (reason: string) => void,
): KubeParts {
  const access = loadClusterAccess(config.KUBECONFIG === undefined ? {} : { kubeconfig: config.KUBECONFIG });
  const transport = createTransport(access, { connectionsMax: config.WORKERS });
  const metrics = createKubeMetrics(registry, {
    controller: 'ordersaga',
    elector: operatorIdentity.lease,
    host: transport.host,
    concurrency: config.WORKERS,
    ownPrefix: 'ordersaga',
  });
  const limiter = { qps: config.KUBE_API_QPS, burst: config.KUBE_API_BURST };
  const observer = metrics.client;
  const identity = `${config.POD_NAME ?? 'operator'}_${randomUUID()}`;
  return {
    client: createKubeClient(transport, { limiter, observer }),
    elector: createElector({
      client: createKubeClient(transport, { lane: 'reserved', limiter: 'off', observer }),
      namespace: config.POD_NAMESPACE,
      name: operatorIdentity.lease,
      identity,
      onLost,
      observer: {
        leadershipChanged: (isLeader) => {
          metrics.elector.leadershipChanged(isLeader);
          logger.info({ identity, isLeader }, isLeader ? 'leading' : 'not leading');
        },
        attemptFailed: (error) => {
          metrics.elector.attemptFailed(error);
          logger.warn({ err: error }, 'cannot renew or take the Lease');
        },
      },
    }),
    recorder: createEventRecorder({
      client: createKubeClient(transport, { limiter, observer }),
      reportingController: 'sagamesh.dev/operator',
      reportingInstance: identity.slice(0, 128),
      observer: metrics.recorder,
    }),
    metrics,
    identity,
    close: () => transport.close(),
  };
}
