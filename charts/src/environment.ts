import type { ServiceName, StoreName } from './topology.ts';

/** What differs from one installation to another: the data that the environments are made of. */

export type EnvironmentName = 'kind' | 'production' | 'local';

export interface Resources {
  readonly cpuRequest: string;
  readonly cpuLimit: string;
  readonly memoryRequest: string;
  readonly memoryLimit: string;
}

/** A host outside of the cluster, and who may reach it. */
export interface ExternalHost {
  /** Of its objects; does not change with the host. */
  readonly name: string;
  readonly caller: ServiceName;
  readonly host: string;
  readonly port: number;
  /** As Istio spells it. TLS is the caller's own: the mesh sees the name it asks for, and bytes. */
  readonly protocol: 'TLS' | 'TCP';
  /** `private`: may have an address of a private network, as databases do. */
  readonly network: 'internet' | 'private';
}

/** How customers are reached. Addresses of real gateways carry a login, so they come from a Secret. */
export type Channels =
  | { readonly kind: 'plain'; readonly smtpUrl: string; readonly smsWebhookUrl: string }
  /** Keys `smtp-url` and, where customers get SMS, `sms-webhook-url`. */
  | { readonly kind: 'secret'; readonly secretName: string };

export interface Environment {
  readonly name: EnvironmentName;
  /** Istio's objects, sidecars and the gateway. */
  readonly mesh: boolean;
  readonly podSecurity: { readonly enforce: 'privileged' | 'restricted'; readonly warn: 'restricted' };
  /** One PostgreSQL per service, in the cluster; absent: the URLs in the Secrets lead elsewhere. */
  readonly databases?: { readonly storage: string; readonly resources: Resources };
  /** The payment provider and the sinks, in the cluster; absent: real ones. */
  readonly outside?: { readonly resources: Resources };
  readonly serviceReplicas: number;
  /** Services are scaled by CPU between `serviceReplicas` and this many. */
  readonly serviceReplicasMax?: number;
  readonly operatorReplicas: number;
  readonly nats: {
    readonly replicas: 1 | 3;
    /** Each write reaches the disk before it is acknowledged: a power cut of all servers at once loses nothing. */
    readonly syncAlways: boolean;
    readonly storage: string;
    /** Bytes; the streams reserve 2 GiB of it. */
    readonly maxStore: string;
  };
  readonly resources: {
    readonly service: Resources;
    readonly operator: Resources;
    readonly broker: Resources;
    readonly gateway: Resources;
    readonly sidecar: Resources;
  };
  /** Examples in the price list and the catalogue. */
  readonly seed: boolean;
  readonly paymentProviderUrl: string;
  readonly mailFrom: string;
  readonly channels: Channels;
  readonly externalHosts: readonly ExternalHost[];
  readonly gateway?: {
    /** Names that the public API answers to. */
    readonly hosts: readonly string[];
    /**
     * What port 80 does: serve, or answer with the address of HTTPS. The gateway's policy comes before that: who is refused on HTTPS is refused
     * here, not sent there.
     */
    readonly plainHttp: 'serve' | 'redirect';
    readonly service:
      | { readonly type: 'NodePort'; readonly http: number; readonly https: number }
      | { readonly type: 'LoadBalancer' };
  };
  /** Prometheus operator. */
  readonly serviceMonitors: boolean;
}

/** The Secret with the database's `username`, `password` and `url`. */
export function databaseSecret(store: StoreName): string {
  return `${store}-db`;
}
