import { find, without, type Mistakes } from './mutant.ts';

/** Who may call whom, gone wrong. By the beginning of the name of the property that must notice. */
export const callerMistakes: Mistakes = {
  'every callee has an AuthorizationPolicy': [
    [
      'a caller too many',
      (all) =>
        void find(
          all,
          'AuthorizationPolicy',
          'payment-provider',
        ).spec.rules[0].from[0].source.serviceAccounts.push('shop/order'),
    ],
    ['a caller too few', (all) => void find(all, 'AuthorizationPolicy', 'nats').spec.rules.pop()],
    [
      'anybody may call',
      (all) => void delete find(all, 'AuthorizationPolicy', 'order-db').spec.rules[0].from,
    ],
    ['any port', (all) => void delete find(all, 'AuthorizationPolicy', 'user-db').spec.rules[0].to],
    ['the policy is forgotten', (all) => without(all, 'AuthorizationPolicy', 'inventory')],
  ],
  'policies for byte streams': [
    [
      'a method for NATS',
      (all) =>
        void (find(all, 'AuthorizationPolicy', 'nats').spec.rules[0].to[0].operation.methods = ['GET']),
    ],
    ['a policy that denies', (all) => void (find(all, 'AuthorizationPolicy', 'order').spec.action = 'DENY')],
  ],
  'packets take the same ways': [
    [
      'a database open to another service',
      (all) =>
        void (find(all, 'NetworkPolicy', 'order-db').spec.ingress[0].from[0].podSelector.matchLabels.app =
          'user'),
    ],
    [
      'a database open to a whole namespace',
      (all) => void delete find(all, 'NetworkPolicy', 'order-db').spec.ingress[0].from[0].podSelector,
    ],
    ['any port', (all) => void delete find(all, 'NetworkPolicy', 'order-db').spec.ingress[0].ports],
    [
      'a way out of the cluster',
      (all) =>
        void find(all, 'NetworkPolicy', 'order').spec.egress.push({
          to: [{ ipBlock: { cidr: '0.0.0.0/0' } }],
          ports: [{ port: 443, protocol: 'TCP' }],
        }),
      'production',
    ],
    ['any way out', (all) => void find(all, 'NetworkPolicy', 'order').spec.egress.push({})],
    ['a way out is missing', (all) => void find(all, 'NetworkPolicy', 'order').spec.egress.pop()],
    [
      'a port is wrong',
      (all) => void (find(all, 'NetworkPolicy', 'nats').spec.ingress[0].ports[0].port = 4223),
      'local',
    ],
  ],
  'every pod has a NetworkPolicy': [
    ['no DNS', (all) => void find(all, 'NetworkPolicy', 'payment').spec.egress.shift()],
    ['no istiod', (all) => void find(all, 'NetworkPolicy', 'payment').spec.egress.splice(1, 1)],
    ['one direction only', (all) => void find(all, 'NetworkPolicy', 'payment').spec.policyTypes.pop()],
    ['none at all', (all) => without(all, 'NetworkPolicy', 'payment'), 'local'],
  ],
  'every namespace of ours': [
    [
      'mutual TLS is optional',
      (all) => void (find(all, 'PeerAuthentication', 'default').spec.mtls.mode = 'PERMISSIVE'),
    ],
    ['nothing refuses by default', (all) => without(all, 'AuthorizationPolicy', 'refuse-all')],
    ['the network is open', (all) => without(all, 'NetworkPolicy', 'default-deny'), 'local'],
  ],
  "a workload's Sidecar": [
    [
      'a callee too many',
      (all) =>
        void find(all, 'Sidecar', 'order').spec.egress[0].hosts.push('shop/payment.shop.svc.cluster.local'),
    ],
    [
      'the whole namespace',
      (all) => void (find(all, 'Sidecar', 'payment').spec.egress[0].hosts = ['./*', 'istio-system/*']),
    ],
    [
      'the API server is unknown',
      (all) =>
        void (find(all, 'Sidecar', 'sagamesh-operator').spec.egress[0].hosts = [
          'shop/nats.shop.svc.cluster.local',
          'istio-system/*',
        ]),
    ],
    [
      'any address',
      (all) => void (find(all, 'Sidecar', 'order').spec.outboundTrafficPolicy.mode = 'ALLOW_ANY'),
    ],
  ],
};
