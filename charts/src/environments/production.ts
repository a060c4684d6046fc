import type { Environment, ExternalHost } from '../environment.ts';
import type { ServiceName, StoreName } from '../topology.ts';

/**
 * A starting point for a real cluster: Istio with its CNI, PostgreSQL outside, three NATS servers. The hosts named example.com are replaced by an
 * overlay (examples/existing-cluster).
 */

const databases: readonly StoreName[] = ['order', 'inventory', 'payment', 'user'];

const databaseHosts = databases.map((store): ExternalHost => ({
  name: `${store}-database`,
  caller: store,
  host: `${store}.postgres.example.com`,
  port: 5432,
  protocol: 'TCP',
  network: 'private',
}));

function outside(name: string, caller: ServiceName, host: string, port: number): ExternalHost {
  return { name, caller, host, port, protocol: 'TLS', network: 'internet' };
}

export const production: Environment = {
  name: 'production',
  mesh: true,
  podSecurity: { enforce: 'restricted', warn: 'restricted' },
  serviceReplicas: 2,
  serviceReplicasMax: 6,
  operatorReplicas: 2,
  nats: { replicas: 3, syncAlways: true, storage: '10Gi', maxStore: '9GB' },
  resources: {
    service: { cpuRequest: '100m', cpuLimit: '1', memoryRequest: '128Mi', memoryLimit: '384Mi' },
    operator: { cpuRequest: '200m', cpuLimit: '2', memoryRequest: '192Mi', memoryLimit: '768Mi' },
    broker: { cpuRequest: '500m', cpuLimit: '2', memoryRequest: '512Mi', memoryLimit: '2Gi' },
    gateway: { cpuRequest: '200m', cpuLimit: '2', memoryRequest: '128Mi', memoryLimit: '512Mi' },
    sidecar: { cpuRequest: '50m', cpuLimit: '1', memoryRequest: '96Mi', memoryLimit: '384Mi' },
  },
  seed: false,
  paymentProviderUrl: 'https://api.stripe.com',
  mailFrom: 'orders@example.com',
  channels: { kind: 'secret', secretName: 'notification-channels' },
  externalHosts: [
    ...databaseHosts,
    outside('payment-provider', 'payment', 'api.stripe.com', 443),
    outside('mail', 'notification', 'smtp.example.com', 465),
    outside('sms', 'notification', 'sms.example.com', 443),
  ],
  gateway: { hosts: ['shop.example.com'], plainHttp: 'redirect', service: { type: 'LoadBalancer' } },
  serviceMonitors: true,
};
