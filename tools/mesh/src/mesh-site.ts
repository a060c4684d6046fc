/**
 * Where the behaviour suite of the mesh runs: real proxies under the project's own manifests, with a stand-in in the place of each
 * app, so that a test decides what an upstream does and sees what reached it. One site runs it as processes in network
 * namespaces, another one in a cluster.
 */

/** Every workload that the suite speaks of; each has a proxy, and every one but the gateway a stand-in as its app. */
export const meshWorkloads = [
  'gateway',
  'order',
  'user',
  'payment',
  'payment-provider',
  'notification',
  'order-db',
  'nats',
] as const;
export type MeshWorkload = (typeof meshWorkloads)[number];

export interface MeshRequest {
  /** From outside: path and query at the gateway (`/api/v1/orders`). From a workload: a whole address (`http://order:3000/x`). */
  readonly url: string;
  /** Default: GET. */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface MeshAnswer {
  /** 0: no HTTP answer came. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Why there was no HTTP answer. */
  readonly error?: string;
}

export interface TcpExchange {
  readonly host: string;
  readonly port: number;
  /** Sent once connected: one byte per character. */
  readonly send: string;
}

/** What a stand-in does with one request. `hold`: no answer before `release`. `reset`: the connection is cut. */
export type StandInAnswer = { readonly status: number } | 'hold' | 'reset';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The app behind a proxy. It echoes each request as JSON (`SeenRequest`); health probes are answered and neither counted nor scripted. */
export interface StandIn {
  /** The n-th request from now on gets the n-th answer, all after the last one the last. Forgets what was seen, releases what is held. */
  readonly answer: (...answers: readonly StandInAnswer[]) => Promise<void>;
  /** What reached the app since `answer`, in order of arrival. */
  readonly seen: () => Promise<readonly SeenRequest[]>;
  /** Answers what is held with 200. What comes later is held again. */
  readonly release: () => Promise<void>;
}

/** A Kubernetes object as the charts make it. */
export interface MeshObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The private key, as JWK, whose public half the gateway was told. */
export interface SigningKey {
  readonly kid: string;
  readonly privateJwk: Readonly<Record<string, unknown>>;
}

export interface MeshSite {
  /**
   * Sends all requests at once, each on a connection of its own, and waits for all answers (a client's limit of 30 s is an
   * answer with status 0). `outside`: a client outside of the mesh, to the gateway. A workload: out of its pod, through its proxy.
   */
  readonly send: (
    from: 'outside' | Exclude<MeshWorkload, 'gateway'>,
    requests: readonly MeshRequest[],
  ) => Promise<readonly MeshAnswer[]>;
  /** Connects out of a pod, sends, and resolves with the first bytes that come back; empty when the connection ends without any. */
  readonly exchange: (from: Exclude<MeshWorkload, 'gateway'>, tcp: TcpExchange) => Promise<string>;
  readonly standIn: (workload: 'order' | 'user' | 'payment-provider' | 'notification') => StandIn;
  /** GET of the admin interface of a workload's Envoy: `/stats?format=json`, `/clusters`, `/config_dump`. */
  readonly admin: (workload: MeshWorkload, path: string) => Promise<string>;
  /** What istiod tells Prometheus. */
  readonly istiodMetrics: () => Promise<string>;
  readonly signingKey: () => Promise<SigningKey>;
  /** Server-side apply. Proxies learn of it a moment later: wait for what you expect of them. */
  readonly apply: (objects: readonly MeshObject[]) => Promise<void>;
  readonly remove: (objects: readonly MeshObject[]) => Promise<void>;
  /** Puts the site back as it was found, also when a start or a test failed. */
  readonly close: () => Promise<void>;
}
