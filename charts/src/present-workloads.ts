import { unreachable } from '@sagamesh/contracts/unreachable';
import type { Environment } from './environment.ts';
import { ports, workloads, type Workload } from './topology.ts';

/** The part of the topology that an environment has. */
export function presentWorkloads(environment: Environment): readonly Workload[] {
  return workloads
    .filter(({ component }) => isPresent(component, environment))
    .map((workload) =>
      workload.component === 'broker' && environment.nats.replicas === 1 ? withoutPeers(workload) : workload,
    );
}

function isPresent(component: Workload['component'], environment: Environment): boolean {
  switch (component) {
    case 'database':
      return environment.databases !== undefined;
    case 'outside':
      return environment.outside !== undefined;
    case 'gateway':
      return environment.gateway !== undefined;
    case 'service':
    case 'operator':
    case 'broker':
      return true;
    default:
      return unreachable(component);
  }
}

/** A single server has nobody to form a cluster with. */
function withoutPeers(broker: Workload): Workload {
  return {
    ...broker,
    ports: broker.ports.filter(({ name }) => name !== ports.natsCluster.name),
    callers: broker.callers.filter(({ workload }) => workload !== broker.name),
  };
}
