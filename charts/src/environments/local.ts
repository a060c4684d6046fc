import type { Environment, Resources } from '../environment.ts';
import { kind } from './kind.ts';

/** Any cluster, without a mesh: the same workloads, nothing of Istio, as small as they run. Reach the services by `kubectl port-forward`. */

const least: Resources = { cpuRequest: '10m', cpuLimit: '500m', memoryRequest: '64Mi', memoryLimit: '256Mi' };

const { gateway: _gateway, ...withoutGateway } = kind;

export const local: Environment = {
  ...withoutGateway,
  name: 'local',
  mesh: false,
  podSecurity: { enforce: 'restricted', warn: 'restricted' },
  operatorReplicas: 1,
  databases: { storage: '1Gi', resources: least },
  resources: { ...kind.resources, service: least, operator: least, broker: least },
};
