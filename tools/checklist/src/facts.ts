import type { GatewayRoute } from '@sagamesh/gateway/routes';

/** Everything that the points are judged by: plain data that says what is, not whether it is right. */

export interface Facts {
  /** Every folder below `services/` that is a process. */
  readonly services: readonly string[];
  readonly manifests: readonly ManifestFacts[];
  readonly code: CodeFacts;
  readonly running: RunningFacts;
}

// --- manifests -------------------------------------------------------------------------------------------------------------------------

/** Of one environment (`kind`, `production`), from the objects that `kubectl apply -k` would send. */
export interface ManifestFacts {
  readonly environment: string;
  readonly objects: number;
  readonly workloads: readonly WorkloadFact[];
  readonly ports: readonly PortFact[];
  readonly breakers: readonly BreakerFact[];
  /** Hosts outside of the cluster that something may call (ServiceEntry). */
  readonly outsideHosts: readonly string[];
  readonly callers: readonly CallerFact[];
  readonly routes: readonly RouteFact[];
  readonly limits: readonly LimitFact[];
  readonly tokenRules: readonly TokenRuleFact[];
  /** `app` of the workloads that a PodDisruptionBudget protects. */
  readonly budgets: readonly string[];
  readonly autoscaled: readonly string[];
}

export interface WorkloadFact {
  readonly app: string;
  readonly kind: string;
  readonly replicas: number | null;
  readonly image: string;
  readonly serviceAccount: string;
  readonly variables: readonly VariableFact[];
  readonly probes: readonly ('startup' | 'readiness' | 'liveness')[];
  /** Containers and init containers of the pod template. */
  readonly containers: number;
  readonly rolling: boolean;
}

export interface VariableFact {
  readonly name: string;
  /** Null when it comes from a Secret or ConfigMap. */
  readonly value: string | null;
  /** `secret/key` */
  readonly secret: string | null;
}

/** One port of a Kubernetes Service. */
export interface PortFact {
  readonly service: string;
  readonly port: string;
}

/** A DestinationRule. Null: the field is not set, so there is no such limit. */
export interface BreakerFact {
  readonly host: string;
  readonly connectionsMax: number | null;
  readonly pendingMax: number | null;
  readonly errorsMax: number | null;
  readonly ejectionSeconds: number | null;
  readonly ejectedPercentMax: number | null;
}

/** Who may open connections to a workload, as one kind of policy says. */
export interface CallerFact {
  readonly policy: 'AuthorizationPolicy' | 'NetworkPolicy';
  readonly callee: string;
  /** `app` names; `*`: anybody. */
  readonly from: readonly string[];
}

export interface RouteFact {
  readonly name: string;
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  readonly destination: string;
  readonly timeoutSeconds: number | null;
  /** Null: not written, so the mesh tries again by its own default. */
  readonly attempts: number | null;
}

export interface LimitFact {
  readonly name: string;
  readonly requests: number;
  readonly seconds: number;
}

/** A rule of the gateway's AuthorizationPolicies. */
export interface TokenRuleFact {
  readonly action: string;
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  readonly needsToken: boolean;
}

// --- code ------------------------------------------------------------------------------------------------------------------------------

export interface CodeFacts {
  readonly services: readonly ServiceCode[];
  readonly gatewayRoutes: readonly GatewayRoute[];
  readonly gatewayLimits: readonly { readonly name: string; readonly requestsPerMinute: number }[];
  /** The plan that an order gets by default. */
  readonly plan: readonly PlanStepFact[];
}

export interface PlanStepFact {
  readonly name: string;
  readonly service: string;
  readonly execute: string;
  readonly compensate: string | null;
  readonly pivot: boolean;
}

export interface Place {
  /** `file:line` */
  readonly at: string;
  readonly what: string;
}

/** One service's source and everything of ours that it reaches by imports. */
export interface ServiceCode {
  readonly name: string;
  /** Files that `main.ts` reaches. */
  readonly reached: number;
  /** Imports of another service, in reached files and in all others of the service. */
  readonly foreignImports: readonly Place[];
  readonly tables: readonly string[];
  /** SQL statements found. */
  readonly statements: number;
  /** Statements that name a table of another service. */
  readonly foreignTables: readonly Place[];
  readonly twoPhase: readonly Place[];
  readonly clients: readonly ClientFact[];
  /** Text in the code that is the address of another service. */
  readonly foreignAddresses: readonly Place[];
  readonly eventsRead: readonly string[];
  readonly eventsWritten: readonly string[];
  readonly actions: readonly string[];
  /** Writing HTTP routes, `POST /path`, and whether the answer is kept under an idempotency key. */
  readonly writingRoutes: readonly { readonly route: string; readonly keyed: boolean }[];
  /** Whether the routes verify tokens themselves. */
  readonly verifiesTokens: boolean;
}

/** Something that calls another process by HTTP or SMTP. */
export interface ClientFact extends Place {
  readonly hasTimeLimit: boolean;
}

// --- a running system --------------------------------------------------------------------------------------------------------------------

export interface RunningFacts {
  readonly stores: readonly StoreFact[];
  readonly addresses: readonly AddressFact[];
  readonly outages: readonly OutageFact[];
  /** Services that became ready while no other service ran. */
  readonly alone: readonly { readonly service: string; readonly ready: boolean }[];
  readonly pairs: readonly PairFact[];
  readonly lostDependencies: readonly LostDependencyFact[];
  readonly sagas: readonly SagaFact[];
  readonly handlers: readonly HandlerFact[];
  /** Handlers that the system has, by what the broker and the source say. */
  readonly handlersKnown: readonly string[];
  readonly events: readonly EventFact[];
  readonly lateEvents: readonly LateEventFact[];
  readonly hungProvider: HungProviderFact | null;
  readonly refusals: readonly RefusalFact[];
  readonly gateway: GatewayFact | null;
}

export interface StoreFact {
  readonly service: string;
  readonly url: string;
  readonly tables: readonly string[];
  /** Tables that every service has from the kit are not among them. */
  readonly ownTables: readonly string[];
  readonly connections: number;
  /** While the service was stopped and all others ran. */
  readonly connectionsWhileStopped: number;
  /** The server's `max_prepared_transactions`. */
  readonly preparedMax: number;
  readonly prepared: number;
  /** Foreign servers and the extensions that reach other databases. */
  readonly links: number;
}

export interface AddressFact {
  readonly service: string;
  readonly variables: number;
  /** Variables whose value is the address of another service or of its store. */
  readonly foreign: readonly string[];
}

export interface OutageFact {
  readonly service: string;
  readonly othersHealthy: readonly string[];
  readonly othersTroubled: readonly string[];
  /** Other processes whose process id changed meanwhile. */
  readonly othersRestarted: readonly string[];
  readonly ordersTaken: number;
  /** Of those, Completed while the service was still away. */
  readonly endedMeanwhile: number;
  readonly ordersCompleted: number;
}

/** Two processes of one service on one store. */
export interface PairFact {
  readonly service: string;
  readonly handled: readonly number[];
}

export interface LostDependencyFact {
  readonly service: string;
  readonly dependency: string;
  /** What `/health` says: before, without the dependency, and after. */
  readonly before: string;
  readonly during: string;
  /** Names of the checks that are degraded meanwhile. */
  readonly named: readonly string[];
  readonly after: string;
}

export interface SagaFact {
  readonly name: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly stepStates: readonly string[];
  readonly capturedCents: number;
  readonly refundedCents: number;
  readonly orderState: string;
  readonly reservedPieces: number;
}

/** A handler that was given something again that it had dealt with. */
export interface HandlerFact {
  readonly name: string;
  readonly kind: 'command' | 'event' | 'request';
  readonly repeats: number;
  /** Repeats whose answer differed from the first one's; events have none. */
  readonly answeredOtherwise: number;
  /** What changed in any store, at the provider or at the customers by it. */
  readonly effects: readonly string[];
  /** Rows that were compared. */
  readonly rows: number;
}

export interface EventFact {
  readonly type: string;
  readonly stored: number;
}

/** An event that was written while its reader was down. */
export interface LateEventFact {
  readonly reader: string;
  readonly type: string;
  /** How often it reached the reader once that was back. */
  readonly seenAfter: number;
}

export interface HungProviderFact {
  /** Replies of the payment service that said Failed, while the provider hung. */
  readonly cutOff: number;
  readonly healthyMeanwhile: readonly string[];
  readonly outcomeAfter: string;
}

/** A request without a token, or with a bad one, straight to a service. */
export interface RefusalFact {
  readonly service: string;
  readonly request: string;
  readonly status: number;
}

/** The same gateway, as a process. */
export interface GatewayFact {
  readonly answered: readonly GatewayAnswerFact[];
  readonly bursts: readonly BurstFact[];
}

export interface GatewayAnswerFact {
  readonly request: string;
  /** Whether it has what the route asks for. */
  readonly mayPass: boolean;
  readonly status: number;
}

/** Requests sent at once, more than the limit allows in a minute. */
export interface BurstFact {
  readonly limit: string;
  readonly sent: number;
  /** 429 */
  readonly refused: number;
  /** Of those, with a Retry-After header. */
  readonly toldWhen: number;
}
