/**
 * etcd and a real API server on loopback: TLS, RBAC, admission, CRDs, audit log. No controllers run, so nothing collects
 * garbage, empties a deleted namespace or makes the `default` service accounts.
 */
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { z } from 'zod';
import {
  adminIdentity,
  apiServerArgs,
  auditPolicy,
  etcdArgs,
  kubeconfig,
  tokenFile,
  type AuditBodies,
  type Identity,
} from './control-plane-files.ts';
import type { DataDir } from './data-dir.ts';
import { ManagedProcess } from './managed-process.ts';
import { resolveBinary } from './resolve-binary.ts';

export type ControlPlaneOptions = {
  readonly dataDir: DataDir;
  /** Besides `admin`. Only these (and service account tokens) are let in; what each may do is RBAC's matter. */
  readonly identities?: readonly Identity[];
  /** etcd calls fsync, as in production (default). Off: faster, and a crash of the machine may lose data. */
  readonly durable?: boolean;
  /** The audit log holds the request bodies of these, too. Default: of none. */
  readonly auditBodies?: readonly AuditBodies[];
};

export type ControlPlane = {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  readonly adminKubeconfig: string;
  /** Path of the kubeconfig of `admin` or of an identity that was asked for. */
  readonly kubeconfigFor: (name: string) => string;
  readonly auditLogPath: string;
  /** Both can be killed, paused and started again, on the same port and data. */
  readonly etcd: ManagedProcess;
  readonly apiServer: ManagedProcess;
  readonly stop: () => Promise<void>;
};

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dataDir } = options;
  const identities = [adminIdentity, ...(options.identities ?? [])];
  const tokens = keepTokens(dataDir, identities);
  const etcd = await prepareEtcd(dataDir, options.durable ?? true);
  const auditLogPath = dataDir.file('logs', 'audit.log');
  const certificate = dataDir.file('kubernetes', 'certs', 'apiserver.crt');
  const api = await prepareApiServer(dataDir, {
    etcdUrl: etcd.url,
    identities,
    tokens,
    auditLogPath,
    auditBodies: options.auditBodies ?? [],
    certificate,
  });
  await etcd.process.start();
  try {
    await api.process.start();
  } catch (error) {
    await etcd.process.kill();
    throw error;
  }
  const kubeconfigs = new Map<string, string>();
  for (const { name } of identities) {
    const path = dataDir.file('kubeconfig', `${name.replaceAll(/[^\w.-]+/g, '-')}.yaml`);
    const caPem = readFileSync(certificate, 'utf8');
    writeSecret(path, kubeconfig({ url: api.url, caPem, identity: name, token: tokens[name] ?? '' }));
    dataDir.recordKubeconfig(name, path);
    kubeconfigs.set(name, path);
  }
  const kubeconfigFor = (name: string): string => {
    const path = kubeconfigs.get(name);
    if (path === undefined) throw new Error(`the sandbox was started without the identity ${name}`);
    return path;
  };
  return {
    url: api.url,
    adminKubeconfig: kubeconfigFor(adminIdentity.name),
    kubeconfigFor,
    auditLogPath,
    etcd: etcd.process,
    apiServer: api.process,
    stop: async () => {
      await api.process.stop();
      await etcd.process.stop();
    },
  };
}

async function prepareEtcd(
  dataDir: DataDir,
  durable: boolean,
): Promise<{ url: string; process: ManagedProcess }> {
  const url = `http://127.0.0.1:${await dataDir.port('etcd')}`;
  const process = new ManagedProcess({
    name: 'etcd',
    command: await resolveBinary('etcd'),
    args: etcdArgs({ folder: dataDir.file('etcd'), clientUrl: url, durable }),
    logFile: dataDir.file('logs', 'etcd.log'),
    ready: async () => (await fetch(`${url}/health`)).ok,
  });
  dataDir.track(process);
  return { url, process };
}

type ApiServerParts = {
  readonly etcdUrl: string;
  readonly identities: readonly Identity[];
  readonly tokens: Readonly<Record<string, string>>;
  readonly auditLogPath: string;
  readonly auditBodies: readonly AuditBodies[];
  readonly certificate: string;
};

async function prepareApiServer(
  dataDir: DataDir,
  parts: ApiServerParts,
): Promise<{ url: string; process: ManagedProcess }> {
  const port = await dataDir.port('apiServer');
  const tokenPath = dataDir.file('kubernetes', 'tokens.csv');
  writeSecret(tokenPath, tokenFile(parts.identities, parts.tokens));
  const keyPath = dataDir.file('kubernetes', 'service-account.key');
  if (!existsSync(keyPath)) writeSecret(keyPath, newServiceAccountKey());
  const policyPath = dataDir.file('kubernetes', 'audit-policy.yaml');
  writeFileSync(policyPath, auditPolicy(parts.auditBodies));
  dropExpiring(parts.certificate, Date.now());
  const adminToken = parts.tokens[adminIdentity.name] ?? '';
  const process = new ManagedProcess({
    name: 'kube-apiserver',
    command: await resolveBinary('kube-apiserver'),
    args: apiServerArgs({
      etcdUrl: parts.etcdUrl,
      port,
      certFolder: dataDir.file('kubernetes', 'certs'),
      tokenFile: tokenPath,
      serviceAccountKey: keyPath,
      auditPolicy: policyPath,
      auditLog: parts.auditLogPath,
    }),
    logFile: dataDir.file('logs', 'kube-apiserver.log'),
    readyTimeoutMillis: 180_000,
    // Bootstrap roles are part of /readyz; the namespaces are made a moment after it.
    ready: async () => {
      const ca = readFileSync(parts.certificate, 'utf8');
      return (
        (await getStatus(port, '/readyz', ca, adminToken)) === 200 &&
        (await getStatus(port, '/api/v1/namespaces/default', ca, adminToken)) === 200
      );
    },
  });
  dataDir.track(process);
  return { url: `https://127.0.0.1:${port}`, process };
}

/** Tokens stay the same over restarts, so a kubeconfig that somebody copied keeps working. */
function keepTokens(dataDir: DataDir, identities: readonly Identity[]): Readonly<Record<string, string>> {
  const path = dataDir.file('kubernetes', 'tokens.json');
  const known = existsSync(path)
    ? z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(path, 'utf8')))
    : {};
  const tokens: Record<string, string> = { ...known };
  for (const { name } of identities) tokens[name] ??= randomBytes(24).toString('hex');
  writeSecret(path, JSON.stringify(tokens, null, 2));
  return tokens;
}

function newServiceAccountKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs1', format: 'pem' })
    .toString();
}

/** The API server's own certificate lasts a year and is not renewed by itself. */
function dropExpiring(certificate: string, now: number): void {
  if (!existsSync(certificate)) return;
  const monthMillis = 30 * 24 * 3_600_000;
  const end = Date.parse(new X509Certificate(readFileSync(certificate)).validTo);
  if (end - now >= monthMillis) return;
  for (const path of [certificate, certificate.replace(/\.crt$/, '.key')]) rmSync(path, { force: true });
}

function writeSecret(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
}

async function getStatus(port: number, path: string, ca: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const call = request(
      { host: '127.0.0.1', port, path, ca, headers, timeout: 5_000, agent: false },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode));
      },
    );
    call.once('timeout', () => call.destroy(new Error('timed out')));
    call.once('error', reject);
    call.end();
  });
}
