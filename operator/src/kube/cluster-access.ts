/**
 * Where the API server is and who we are: kubeconfig and in-cluster loading by the official client, which is used for nothing else
 * (its transport opens a TLS connection per request).
 */
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** Everything a connection needs. Changes when the projected token, the certificate or the CA rotates. */
export type Credentials = {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
    readonly servername?: string | undefined;
    readonly rejectUnauthorized?: boolean | undefined;
  };
};

export type ClusterAccess = {
  /** 'https://host:port', with a path prefix if there is one, without a slash at the end. */
  readonly serverUrl: string;
  /** Reads files (token, CA, certificate) or runs the exec plug-in; callers cache it. */
  credentials(): Promise<Credentials>;
};

/** `kubeconfig` is a path. Without it: $KUBECONFIG, else ~/.kube/config, else the pod's service account. */
export function loadClusterAccess(
  options: { readonly kubeconfig?: string; readonly context?: string } = {},
): ClusterAccess {
  const config = new KubeConfig();
  if (options.kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(options.kubeconfig);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error('the kubeconfig has no current cluster: set current-context or KUBECONFIG');
  return {
    serverUrl: cluster.server.replace(/\/+$/, ''),
    credentials: () => readCredentials(config),
  };
}

async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const user = config.getCurrentUser();
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  }
  if (user?.username !== undefined && headers['authorization'] === undefined) {
    headers['authorization'] =
      `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
  }
  return {
    headers,
    tls: {
      ca: pem(options.ca),
      cert: pem(options.cert),
      key: pem(options.key),
      servername: options.servername,
      rejectUnauthorized: options.rejectUnauthorized,
    },
  };
}

/** The loader gives PEM as a Buffer; text makes two generations comparable. */
function pem(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined;
}
