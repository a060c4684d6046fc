import type { Environment, Resources } from '../environment.ts';

/** A cluster on one machine: two cores and 8 GiB hold it, the mesh included. */

const small: Resources = { cpuRequest: '20m', cpuLimit: '500m', memoryRequest: '96Mi', memoryLimit: '256Mi' };

export const kind: Environment = {
  name: 'kind',
  mesh: true,
  // Without the Istio CNI each pod has an init container that sets up the redirection, and that needs NET_ADMIN.
  podSecurity: { enforce: 'privileged', warn: 'restricted' },
  databases: {
    storage: '1Gi',
    resources: { cpuRequest: '20m', cpuLimit: '500m', memoryRequest: '64Mi', memoryLimit: '256Mi' },
  },
  outside: {
    resources: { cpuRequest: '10m', cpuLimit: '300m', memoryRequest: '48Mi', memoryLimit: '192Mi' },
  },
  serviceReplicas: 1,
  operatorReplicas: 2,
  nats: { replicas: 1, syncAlways: false, storage: '3Gi', maxStore: '2560MB' },
  resources: {
    service: small,
    operator: small,
    broker: { cpuRequest: '50m', cpuLimit: '1', memoryRequest: '64Mi', memoryLimit: '512Mi' },
    gateway: { cpuRequest: '50m', cpuLimit: '1', memoryRequest: '96Mi', memoryLimit: '256Mi' },
    sidecar: { cpuRequest: '10m', cpuLimit: '500m', memoryRequest: '64Mi', memoryLimit: '256Mi' },
  },
  seed: true,
  paymentProviderUrl: 'http://payment-provider.shop.svc.cluster.local:3000',
  mailFrom: 'orders@shop.example',
  channels: {
    kind: 'plain',
    smtpUrl: 'smtp://smtp-sink.shop.svc.cluster.local:1025',
    smsWebhookUrl: 'http://sms-sink.shop.svc.cluster.local:3000/messages',
  },
  externalHosts: [],
  gateway: { hosts: ['*'], plainHttp: 'serve', service: { type: 'NodePort', http: 30080, https: 30443 } },
  serviceMonitors: false,
};
