import { randomUUID } from 'node:crypto';
import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import type { Logger } from '@sagamesh/runtime/logger';
import type { Registry } from 'prom-client';
import type { OperatorConfig } from './config.ts';
import { loadClusterAccess } from './kube/cluster-access.ts';
import { createKubeMetrics } from './kube/metrics.ts';
import { createTransport } from './kube/transport.ts';
import { wireKubeParts } from './wire-kube-parts.ts';
import type { KubeParts } from './wire-kube-parts.ts';

/** The operator's pieces of the controller kernel, made from its configuration. */
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
  return wireKubeParts({
    transport,
    metrics,
    logger,
    onLost,
    namespace: config.POD_NAMESPACE,
    limiter: { qps: config.KUBE_API_QPS, burst: config.KUBE_API_BURST },
    identity: `${config.POD_NAME ?? 'operator'}_${randomUUID()}`,
  });
}
