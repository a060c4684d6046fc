/**
 * The public API, as rules of a gateway: plain data, from which the charts make Istio resources and the sandbox makes Envoy's own
 * configuration. This file: which paths there are, who may call them, how often, and how long an answer may take.
 */

/** Requests per minute that all callers of an API have together, at each gateway process. */
export interface RateLimit {
  readonly name: string;
  readonly requestsPerMinute: number;
}

export const rateLimits = {
  orders: { name: 'orders', requestsPerMinute: 100 },
  users: { name: 'users', requestsPerMinute: 200 },
} as const satisfies Readonly<Record<string, RateLimit>>;

export type RateLimitName = keyof typeof rateLimits;

export interface GatewayRoute {
  /** Of the route in Envoy, and so in its statistics and logs. */
  readonly name: string;
  /** The service behind it; its port is `servicePort`. */
  readonly service: 'order' | 'user';
  /** The path itself and everything below it (`/a/b` covers `/a/b` and `/a/b/c`, not `/a/bc`), or this path alone. */
  readonly path: { readonly prefix: string } | { readonly exact: string };
  readonly methods: readonly ('GET' | 'POST')[];
  /** `token`: refused at the gateway without a valid one. The services verify again and decide what a caller may see. */
  readonly access: 'token' | 'anybody';
  readonly limit: RateLimitName;
  readonly timeoutMillis: number;
  /** `reads`: the gateway may try a GET again at another replica. A POST is sent once, whatever happens. */
  readonly retry: 'never' | 'reads';
}

/** HTTP port of every service. */
export const servicePort = 3000;

/** The longest a caller waits; everything behind the gateway gives up earlier. */
const timeoutMillis = 10_000;

/** The first that matches wins. */
export const gatewayRoutes: readonly GatewayRoute[] = [
  {
    name: 'orders-write',
    service: 'order',
    path: { prefix: '/api/v1/orders' },
    methods: ['POST'],
    access: 'token',
    limit: 'orders',
    timeoutMillis,
    retry: 'never',
  },
  {
    name: 'orders-read',
    service: 'order',
    path: { prefix: '/api/v1/orders' },
    methods: ['GET'],
    access: 'token',
    limit: 'orders',
    timeoutMillis,
    retry: 'reads',
  },
  {
    name: 'users-token',
    service: 'user',
    path: { exact: '/api/v1/users/token' },
    methods: ['POST'],
    access: 'anybody',
    limit: 'users',
    timeoutMillis,
    retry: 'never',
  },
  {
    name: 'users-register',
    service: 'user',
    path: { exact: '/api/v1/users' },
    methods: ['POST'],
    access: 'anybody',
    limit: 'users',
    timeoutMillis,
    retry: 'never',
  },
  {
    name: 'users-read',
    service: 'user',
    path: { prefix: '/api/v1/users' },
    methods: ['GET'],
    access: 'token',
    limit: 'users',
    timeoutMillis,
    retry: 'reads',
  },
  {
    name: 'keys',
    service: 'user',
    path: { exact: '/.well-known/jwks.json' },
    methods: ['GET'],
    access: 'anybody',
    limit: 'users',
    timeoutMillis,
    retry: 'reads',
  },
];
