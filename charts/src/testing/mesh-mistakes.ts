import { find, without, type Mistakes } from './mutant.ts';

/** Istio's objects, gone wrong. By the beginning of the name of the property that must notice. */
export const meshMistakes: Mistakes = {
  'every Service and every host outside': [
    ['a Service without a breaker', (all) => without(all, 'DestinationRule', 'order')],
    [
      'no outlier detection',
      (all) => void delete find(all, 'DestinationRule', 'nats').spec.trafficPolicy.outlierDetection,
    ],
    [
      'no connection pool',
      (all) => void delete find(all, 'DestinationRule', 'nats').spec.trafficPolicy.connectionPool,
    ],
    [
      'no limit of requests',
      (all) => void delete find(all, 'DestinationRule', 'order').spec.trafficPolicy.connectionPool.http,
    ],
    [
      'a tenth of one pod',
      (all) =>
        void (find(all, 'DestinationRule', 'order').spec.trafficPolicy.outlierDetection.maxEjectionPercent =
          10),
    ],
    [
      'the payment provider outside has none',
      (all) => without(all, 'DestinationRule', 'payment-provider'),
      'production',
    ],
  ],
  'a full bucket of the rate limit': [
    [
      'a pool smaller than the limit',
      (all) =>
        void (find(
          all,
          'DestinationRule',
          'user',
        ).spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests = 100),
    ],
  ],
  'every DestinationRule and route': [
    [
      'a host with a typing mistake',
      (all) => void (find(all, 'DestinationRule', 'order').spec.host = 'orders.shop.svc.cluster.local'),
    ],
    ['a route to nobody', (all) => without(all, 'Service', 'user')],
  ],
  'no scope has two hosts': [
    [
      'two databases outside in one scope',
      (all) => void find(all, 'Sidecar', 'order').spec.egress[0].hosts.push('shop/user.postgres.example.com'),
      'production',
    ],
    [
      'the whole namespace in one scope',
      (all) => void (find(all, 'Sidecar', 'order').spec.egress[0].hosts = ['./*']),
      'production',
    ],
  ],
  'every route has a name': [
    [
      'a POST is retried',
      (all) => void (find(all, 'VirtualService', 'orders').spec.http[0].retries.attempts = 2),
    ],
    [
      'a POST is retried by default',
      (all) => void delete find(all, 'VirtualService', 'orders').spec.http[0].retries,
    ],
    [
      'a method is not said',
      (all) => void delete find(all, 'VirtualService', 'orders').spec.http[1].match[0].method,
    ],
    ['no timeout', (all) => void delete find(all, 'VirtualService', 'payment-provider').spec.http[0].timeout],
    ['no name', (all) => void delete find(all, 'VirtualService', 'users').spec.http[0].name],
  ],
  'every HTTP callee in the mesh': [
    ['payments are retried by default', (all) => without(all, 'VirtualService', 'payment-provider')],
  ],
  'the gateway passes': [
    [
      'orders without a token',
      (all) => void delete find(all, 'AuthorizationPolicy', 'public-api').spec.rules[0].from,
    ],
    [
      'metrics for everybody',
      (all) =>
        void find(all, 'AuthorizationPolicy', 'public-api').spec.rules[2].to[0].operation.paths.push(
          '/metrics',
        ),
    ],
    [
      'any method',
      (all) =>
        void delete find(all, 'AuthorizationPolicy', 'public-api').spec.rules[0].to[0].operation.methods,
    ],
    ['an API is forgotten', (all) => void find(all, 'AuthorizationPolicy', 'public-api').spec.rules.pop()],
    ['everything is refused', (all) => without(all, 'AuthorizationPolicy', 'public-api')],
  ],
  'the services behind the gateway': [
    [
      'metrics for the gateway',
      (all) => void delete find(all, 'AuthorizationPolicy', 'order').spec.rules[0].to[0].operation.paths,
    ],
    [
      'an operation is forgotten',
      (all) => void find(all, 'AuthorizationPolicy', 'user').spec.rules[0].to.pop(),
    ],
  ],
  "every object of Istio's": [
    [
      'an action that is none',
      (all) => void (find(all, 'AuthorizationPolicy', 'order').spec.action = 'ALOW'),
    ],
    [
      'a number as text',
      (all) =>
        void (find(all, 'DestinationRule', 'order').spec.trafficPolicy.outlierDetection.maxEjectionPercent =
          '100'),
    ],
    [
      'a version that is none',
      (all) => void (find(all, 'Sidecar', 'order').apiVersion = 'networking.istio.io/v2'),
    ],
  ],
};
