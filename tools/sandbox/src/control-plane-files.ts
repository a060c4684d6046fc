/** The files and flags of a sandbox control plane, as text. Pure. */
import { stringify } from 'yaml';

/** Who may talk to the API server. A service account's groups are added to its name by themselves. */
export type Identity = { readonly name: string; readonly groups?: readonly string[] };

export const adminIdentity: Identity = { name: 'admin', groups: ['system:masters'] };

/** Groups as Kubernetes gives them: `system:serviceaccount:<namespace>:<name>` is in two groups of its own. */
export function groupsOf(identity: Identity): readonly string[] {
  const [system, kind, namespace] = identity.name.split(':');
  const own =
    system === 'system' && kind === 'serviceaccount' && namespace !== undefined
      ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
      : [];
  return [...own, ...(identity.groups ?? [])];
}

/** `--token-auth-file`: token,user,uid,"group,group". */
export function tokenFile(identities: readonly Identity[], tokens: Readonly<Record<string, string>>): string {
  return identities
    .map(
      (identity) =>
        `${tokens[identity.name] ?? ''},${identity.name},${identity.name},"${groupsOf(identity).join(',')}"\n`,
    )
    .join('');
}

export type KubeconfigParts = {
  readonly url: string;
  readonly caPem: string;
  readonly identity: string;
  readonly token: string;
};

export function kubeconfig({ url, caPem, identity, token }: KubeconfigParts): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'sandbox',
        cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') },
      },
    ],
    users: [{ name: identity, user: { token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: identity, namespace: 'default' } }],
    'current-context': 'sandbox',
  });
}

/** Resources whose requests are logged with their bodies; a subresource is named on its own: `pods/status`. */
export type AuditBodies = { readonly group: string; readonly resources: readonly string[] };

/** Every request but health probes is logged, so that reads and writes can be counted per user and resource. */
export function auditPolicy(bodiesOf: readonly AuditBodies[] = []): string {
  return stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'None', nonResourceURLs: ['/readyz*', '/livez*', '/healthz*'] },
      ...(bodiesOf.length === 0 ? [] : [{ level: 'Request', resources: bodiesOf }]),
      { level: 'Metadata' },
    ],
  });
}

export type EtcdFlags = { readonly folder: string; readonly clientUrl: string; readonly durable: boolean };

export function etcdArgs({ folder, clientUrl, durable }: EtcdFlags): readonly string[] {
  // Peers never come; port 0 lets the kernel choose what nobody will call.
  const peerUrl = 'http://127.0.0.1:0';
  return [
    '--name=sandbox',
    `--data-dir=${folder}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=sandbox=${peerUrl}`,
    '--log-level=warn',
    ...(durable ? [] : ['--unsafe-no-fsync']),
  ];
}

export type ApiServerFlags = {
  readonly etcdUrl: string;
  readonly port: number;
  readonly certFolder: string;
  readonly tokenFile: string;
  readonly serviceAccountKey: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
};

export function apiServerArgs(flags: ApiServerFlags): readonly string[] {
  return [
    `--etcd-servers=${flags.etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${flags.port}`,
    // An advertised loopback address is refused as an endpoint, and the default needs a route to the outside. So: an address
    // reserved for documentation (RFC 5737), and nobody who writes it into an Endpoints object.
    '--advertise-address=192.0.2.1',
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.96.0.0/24',
    // Makes its own certificate, valid for 127.0.0.1, when the folder has none.
    `--cert-dir=${flags.certFolder}`,
    `--token-auth-file=${flags.tokenFile}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${flags.serviceAccountKey}`,
    `--service-account-key-file=${flags.serviceAccountKey}`,
    `--audit-policy-file=${flags.auditPolicy}`,
    `--audit-log-path=${flags.auditLog}`,
    '--audit-log-maxsize=500',
    '--audit-log-maxbackup=1',
    // Without it, one open watch keeps the server from ending for a minute after SIGTERM.
    '--shutdown-watch-termination-grace-period=1s',
    '--profiling=false',
  ];
}
