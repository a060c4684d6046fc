/**
 * The mesh as processes of this machine: a real API server and istiod under the project's own manifests, and every pod a network
 * of its own with a real agent, Envoy and redirection. Nothing is added to the machine's own network, and nothing stays when the
 * process that started it has ended. Linux, as root.
 */
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requestAuthentication } from '@sagamesh/charts/request-authentication';
import { synthesize } from '@sagamesh/charts/synthesize';
import { DataDir, sandboxOwner } from '@sagamesh/sandbox/data-dir';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { installIstioTypes, istiodPorts, must, startApiServer, startIstiod } from './mesh-control-plane.ts';
import { endpointSlices, podObject, podPlan, podStatus, type PodPlan } from './mesh-manifests.ts';
import { startPod, startStandIn, type MeshPod } from './mesh-pod.ts';
import { envoyBootstrapTemplate, findMeshPrograms, podPrograms } from './mesh-programs.ts';
import { meshWorkloads, type MeshObject, type MeshSite, type SigningKey } from './mesh-site.ts';
import { makeBridge, NetworkNamespace } from './network-namespace.ts';
import type { StandInClient } from './stand-in-client.ts';
import { standInScript } from './stand-in-script.ts';

/** Not below a home, which other users may not enter; and always the same, so that what a dead run has left is found. */
const folder = '/run/sagamesh-mesh';
const hostAddress = '10.199.0.1';
const firstPod = 10;
const fieldManager = 'sagamesh-mesh-test';

/** Told how far the start is. */
export type Progress = (line: string) => void;

export async function startProcessSite(progress: Progress = () => undefined): Promise<MeshSite> {
  const dataDir = await openDataDir(progress);
  const networks: NetworkNamespace[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(networks.map((network) => network.close()));
  };
  try {
    const parts = await startParts(dataDir, networks, stopwatch(progress));
    const close = async (): Promise<void> => {
      await stop();
      dataDir.close({ remove: true });
    };
    return { ...meshSite(parts), close };
  } catch (error) {
    await stop();
    dataDir.close(); // The logs stay.
    throw error;
  }
}

/** Takes the folder, once nobody else uses it; kills what a dead run has left of its processes, and starts with nothing. */
async function openDataDir(progress: Progress): Promise<DataDir> {
  let dataDir: DataDir | undefined;
  let told = false;
  await waitUntil(
    async () => {
      if (sandboxOwner(folder) !== undefined && !told) progress(`waiting for the run that uses ${folder}`);
      told = true;
      dataDir = await DataDir.open(folder);
      return true;
    },
    { timeoutMillis: 400_000, intervalMillis: 1_000, what: `${folder} to be free` },
  );
  if (dataDir === undefined) throw new Error(`${folder} was not opened`);
  for (const name of readdirSync(folder)) {
    if (name !== 'lock') rmSync(join(folder, name), { recursive: true, force: true });
  }
  chmodSync(folder, 0o755); // the users of apps and proxies have files in it
  return dataDir;
}

interface Parts {
  readonly kubectl: Kubectl;
  readonly outside: StandInClient;
  readonly pods: readonly MeshPod[];
  readonly signingKey: SigningKey;
}

async function startParts(
  dataDir: DataDir,
  networks: NetworkNamespace[],
  progress: Progress,
): Promise<Parts> {
  const programs = await findMeshPrograms();
  const bootstrapTemplate = await envoyBootstrapTemplate();
  const forPods = podPrograms(dataDir, programs);
  const standInFile = dataDir.file('stand-in.mjs');
  writeFileSync(standInFile, await standInScript());
  progress('programs found');

  const host = await NetworkNamespace.open({ name: 'host', dataDir, mounts: forPods.mounts });
  networks.push(host);
  await makeBridge(host, hostAddress);
  const standIn = { dataDir, node: forPods.node, standInFile };
  const outside = await startStandIn('outside', host, { ...standIn, ports: { http: [], tcp: [] } });
  const around = { dataDir, host, programs, client: outside };
  const { kubectl, certificate } = await startApiServer(around);
  progress('API server ready');
  await installIstioTypes(kubectl, programs.istioctl);
  progress("Istio's types installed");

  const objects = synthesize('kind').flatMap((file) => file.objects);
  const { signingKey, publicJwk } = await newSigningKey();
  await applyWith(kubectl, [
    ...objects,
    requestAuthenticationObject(publicJwk),
    gatewayCertificate(certificate),
  ]);
  const plans = meshWorkloads.map((name, n) => podPlan(objects, name, `10.199.0.${firstPod + n}`));
  await applyWith(kubectl, plans.map(podObject));
  await applyWith(kubectl, plans.map(podStatus), ['--subresource=status']);
  await applyWith(kubectl, endpointSlices(objects, plans));
  progress(`${objects.length} objects of the project applied`);
  const rootCertificate = await startIstiod(around, kubectl);
  progress('istiod ready');

  const surroundings = {
    dataDir,
    host,
    hostAddress,
    standInFile,
    bootstrapTemplate,
    rootCertificate,
    programs: forPods,
    token: (plan: PodPlan) => tokenOf(kubectl, plan),
    opened: (network: NetworkNamespace) => void networks.push(network),
  };
  const pods = await allOf(
    plans.map(async (plan) => {
      const pod = await startPod(plan, surroundings);
      progress(`pod ${plan.namespace}/${plan.name} ready`);
      return pod;
    }),
  );
  return { kubectl, outside, pods, signingKey };
}

function meshSite({ kubectl, outside, pods, signingKey }: Parts): Omit<MeshSite, 'close'> {
  const podOf = (name: string): MeshPod => {
    const pod = pods.find(({ plan }) => plan.name === name);
    if (pod === undefined) throw new Error(`the site has no pod ${name}`);
    return pod;
  };
  const gatewayUrl = `http://${podOf('gateway').plan.address}:8080`;
  return {
    send: (from, requests) =>
      from === 'outside'
        ? outside.send(requests.map((request) => ({ ...request, url: gatewayUrl + request.url })))
        : podOf(from).client.send(requests),
    exchange: (from, tcp) => podOf(from).client.exchange(tcp),
    standIn: (workload) => podOf(workload).client,
    admin: (workload, path) => bodyOf(podOf(workload).client, `http://127.0.0.1:15000${path}`),
    istiodMetrics: () => bodyOf(outside, `http://127.0.0.1:${istiodPorts.metrics}/metrics`),
    signingKey: async () => signingKey,
    apply: (objects) => applyWith(kubectl, objects),
    remove: async (objects) => {
      await must(kubectl, ['delete', '--ignore-not-found', '-f', '-'], list(objects));
    },
  };
}

async function bodyOf(client: StandInClient, url: string): Promise<string> {
  const [answer] = await client.send([{ url }]);
  if (answer?.status !== 200)
    throw new Error(`${url}: ${answer?.status} ${answer?.error ?? ''}${answer?.body}`);
  return answer.body;
}

function list(items: readonly MeshObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

async function applyWith(
  kubectl: Kubectl,
  objects: readonly MeshObject[],
  more: readonly string[] = [],
): Promise<void> {
  const how = ['--server-side', '--force-conflicts', `--field-manager=${fieldManager}`, ...more];
  await must(kubectl, ['apply', ...how, '-f', '-'], list(objects));
}

async function newSigningKey(): Promise<{ readonly signingKey: SigningKey; readonly publicJwk: object }> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const kid = 'mesh-test';
  return {
    signingKey: { kid, privateJwk: { ...(await exportJWK(privateKey)) } },
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'EdDSA', use: 'sig' },
  };
}

function requestAuthenticationObject(publicJwk: object): MeshObject {
  const { metadata, ...rest } = requestAuthentication({ keys: [publicJwk] });
  return { ...rest, metadata: { name: metadata?.name ?? '', namespace: metadata?.namespace ?? '' } };
}

/** The one that an installation brings. Any will do here: nobody calls the gateway over TLS. */
function gatewayCertificate({ cert, key }: { readonly cert: string; readonly key: string }): MeshObject {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'gateway-tls', namespace: 'sagamesh-gateway' },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': cert, 'tls.key': key },
  };
  return secret;
}

const tokenSchema = z.object({ status: z.object({ token: z.string() }) });

async function tokenOf(kubectl: Kubectl, { namespace, serviceAccount, name }: PodPlan): Promise<string> {
  const what = ['create', 'token', serviceAccount, `--namespace=${namespace}`, '--audience=istio-ca'];
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=${name}`, '--duration=12h', '-o', 'json'];
  return tokenSchema.parse(JSON.parse(await must(kubectl, [...what, ...bound]))).status.token;
}

/** All results; when one has failed, not before the others have ended, too: what they still open could not be closed. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Each line with the seconds since the start. */
function stopwatch(progress: Progress): Progress {
  const start = performance.now();
  return (line) => progress(`${((performance.now() - start) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
}
