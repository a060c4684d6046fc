/** etcd, API server and istiod inside of the host's network. No controllers run, and no webhooks: what they would do, the site does. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  adminIdentity,
  apiServerArgs,
  auditPolicy,
  etcdArgs,
  kubeconfig,
  tokenFile,
} from '@sagamesh/sandbox/control-plane-files';
import type { DataDir } from '@sagamesh/sandbox/data-dir';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { runProgram } from '@sagamesh/sandbox/run-program';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { istioSettings } from './istio-settings.ts';
import type { MeshPrograms } from './mesh-programs.ts';
import type { NetworkNamespace } from './network-namespace.ts';
import type { StandInClient } from './stand-in-client.ts';

export interface MeshControlPlane {
  readonly kubectl: Kubectl;
  /** The API server's own, valid for 127.0.0.1: PEM. */
  readonly certificate: { readonly cert: string; readonly key: string };
}

interface Surroundings {
  readonly dataDir: DataDir;
  readonly host: NetworkNamespace;
  readonly programs: MeshPrograms;
  /** A client in the host's network. */
  readonly client: StandInClient;
}

export const istiodPorts = { discovery: 15012, readiness: 8080, metrics: 15014 } as const;

export async function startApiServer(around: Surroundings): Promise<MeshControlPlane> {
  const { dataDir, host, programs } = around;
  const etcdUrl = `http://127.0.0.1:${await dataDir.port('etcd')}`;
  const etcd = host.process({
    name: 'etcd',
    command: programs.etcd,
    args: etcdArgs({ folder: dataDir.file('etcd'), clientUrl: etcdUrl, durable: false }),
    logFile: dataDir.file('logs', 'etcd.log'),
  });
  const port = await dataDir.port('apiServer');
  const token = randomBytes(24).toString('hex');
  const secret = (name: string, text: string): string => {
    const path = dataDir.file('kubernetes', name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const privateKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const config = dataDir.file('kubernetes', 'admin.yaml');
  const kubectl: Kubectl = (args, input) =>
    host.tryRun(programs.kubectl, [`--kubeconfig=${config}`, ...args], input);
  const apiServer = host.process({
    name: 'kube-apiserver',
    command: programs.apiServer,
    args: apiServerArgs({
      etcdUrl,
      port,
      certFolder: dataDir.file('kubernetes', 'certs'),
      tokenFile: secret('tokens.csv', tokenFile([adminIdentity], { [adminIdentity.name]: token })),
      serviceAccountKey: secret(
        'service-account.key',
        privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      ),
      auditPolicy: secret('audit-policy.yaml', auditPolicy()),
      auditLog: dataDir.file('logs', 'audit.log'),
    }),
    logFile: dataDir.file('logs', 'kube-apiserver.log'),
    readyTimeoutMillis: 120_000,
    ready: async () => {
      const caPem = readFileSync(dataDir.file('kubernetes', 'certs', 'apiserver.crt'), 'utf8');
      const url = `https://127.0.0.1:${port}`;
      secret('admin.yaml', kubeconfig({ url, caPem, identity: adminIdentity.name, token }));
      return (await kubectl(['get', '--raw', '/api/v1/namespaces/default'])).code === 0;
    },
  });
  await etcd.start();
  await apiServer.start();
  const pem = (file: string): string => readFileSync(dataDir.file('kubernetes', 'certs', file), 'utf8');
  const certificate = { cert: pem('apiserver.crt'), key: pem('apiserver.key') };
  return { kubectl, certificate };
}

/** Throws with what kubectl said. */
export async function must(kubectl: Kubectl, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

export async function installIstioTypes(kubectl: Kubectl, istioctl: string): Promise<void> {
  const { code, stdout, stderr } = await runProgram(
    istioctl,
    ['manifest', 'generate', '--set', 'profile=minimal'],
    { timeoutMillis: 180_000 },
  );
  if (code !== 0) throw new Error(`istioctl manifest generate: ${stderr}`);
  const types = stdout
    .split(/^---$/m)
    .filter((document) => /^kind: CustomResourceDefinition$/m.test(document))
    .join('\n---\n');
  await must(kubectl, ['apply', '--server-side', '-f', '-'], types);
  await must(kubectl, ['wait', '--for=condition=established', 'crd', '--all', '--timeout=180s']);
  await must(kubectl, ['create', 'namespace', 'istio-system']);
  await must(kubectl, ['create', 'serviceaccount', 'istiod', '--namespace=istio-system']);
}

/** Resolves with the certificate by which proxies know istiod and each other. */
export async function startIstiod(around: Surroundings, kubectl: Kubectl): Promise<string> {
  const { dataDir, host, programs, client } = around;
  const settings = istioSettings();
  const meshFile = dataDir.file('istio', 'mesh.yaml');
  writeFileSync(meshFile, JSON.stringify({ ...settings.meshConfig, rootNamespace: 'istio-system' }));
  const networksFile = dataDir.file('istio', 'networks.yaml');
  writeFileSync(networksFile, 'networks: {}\n');
  const istiod = host.process(
    {
      name: 'istiod',
      command: programs.istiod,
      args: [
        'discovery',
        `--kubeconfig=${dataDir.file('kubernetes', 'admin.yaml')}`,
        `--meshConfig=${meshFile}`,
        `--networksConfig=${networksFile}`,
        '--domain=cluster.local',
      ],
      env: {
        PATH: process.env['PATH'],
        ...settings.env,
        INJECT_ENABLED: 'false',
        POD_NAME: 'istiod-0',
        POD_NAMESPACE: 'istio-system',
        SERVICE_ACCOUNT: 'istiod',
        CLUSTER_ID: 'Kubernetes',
        PILOT_CERT_PROVIDER: 'istiod',
        REVISION: 'default',
        ENABLE_LEADER_ELECTION: 'false',
      },
      logFile: dataDir.file('logs', 'istiod.log'),
      readyTimeoutMillis: 180_000,
      ready: async () => {
        const [answer] = await client.send([{ url: `http://127.0.0.1:${istiodPorts.readiness}/ready` }]);
        return answer?.status === 200;
      },
    },
    { cwd: dataDir.path },
  );
  await istiod.start();
  let rootCertificate = '';
  await waitUntil(
    async () => {
      const path = String.raw`jsonpath={.data.root-cert\.pem}`;
      const query = ['get', 'configmap', 'istio-ca-root-cert', '--namespace=istio-system', '-o', path];
      rootCertificate = await must(kubectl, query);
      return rootCertificate !== '';
    },
    { timeoutMillis: 120_000, intervalMillis: 300, what: 'the root certificate of istiod' },
  );
  return rootCertificate;
}
