import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jwksConfigMap, requestAuthentication } from '@sagamesh/charts/request-authentication';
import type { KubeObject } from '@sagamesh/charts/kube-object';
import { environmentNames, synthesize } from '@sagamesh/charts/synthesize';
import { namespaces, workloads } from '@sagamesh/charts/topology';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { ownLabels } from './cluster-secrets.ts';
import { listOf } from './tasks/make-secrets.ts';
import { foreignThings, knownKinds, objectsToRemove, openSagas } from './uninstall-plan.ts';

/** Removes what an installation put into a cluster, however it was applied. Refuses while a saga is open. Istio is not ours and stays. */

export interface UninstallOptions {
  readonly kubectl: Kubectl;
  readonly root: string;
  readonly note: (line: string) => void;
}

export async function uninstall({ kubectl, root, note }: UninstallOptions): Promise<void> {
  await refuseWhileOpen(kubectl);
  const reopen = await closeGateway(kubectl);
  try {
    // An order that had come in before has a saga by now.
    await delay(3_000);
    await refuseWhileOpen(kubectl);
  } catch (error) {
    await reopen();
    throw error;
  }
  const known = knownKinds(await mustRun(kubectl, ['api-resources', '--no-headers']));
  const objects = objectsToRemove(everyObject(root), known);
  await mustRun(kubectl, ['delete', '--ignore-not-found', '--timeout=120s', '-f', '-'], listOf(objects));
  note('workloads, rules, roles and the OrderSaga resource are removed');
  const made = Object.entries(ownLabels).map(([label, value]) => `${label}=${value}`);
  for (const namespace of [namespaces.gateway, namespaces.shop, namespaces.system]) {
    if ((await kubectl(['get', 'namespace', namespace, '-o', 'name'])).code !== 0) continue;
    const ours = ['delete', 'secret', '-n', namespace, '-l', made.join(',')];
    await mustRun(kubectl, ours);
    await removeNamespace(kubectl, namespace, note);
  }
}

async function refuseWhileOpen(kubectl: Kubectl): Promise<void> {
  const { code, stdout, stderr } = await kubectl(['get', 'ordersagas.sagamesh.dev', '-A', '-o', 'json']);
  // Without the resource there are no sagas: nothing was installed, or an earlier run got this far.
  if (code !== 0 && /doesn't have a resource type|not find the requested resource/.test(stderr)) return;
  if (code !== 0) throw new SetupError(`the sagas could not be read: ${stderr.trim()}`);
  const open = openSagas(JSON.parse(stdout));
  if (open.length === 0) return;
  throw new SetupError(
    [
      `Nothing was removed: ${open.length} sagas are open, and nobody would finish or undo them.`,
      ...open.map((one) => `  ${one}`),
      'Wait until they have ended, or cancel them: kubectl patch osaga -n <namespace> <name> --type=merge -p \'{"spec":{"cancel":true}}\'',
    ].join('\n'),
  );
}

const replicasSchema = z.object({ spec: z.object({ replicas: z.number() }) });

/** No orders from outside from now on. Answers how to undo that. */
async function closeGateway(kubectl: Kubectl): Promise<() => Promise<void>> {
  const gateway = ['deployment', '-n', namespaces.gateway, 'gateway'];
  const { code, stdout } = await kubectl(['get', ...gateway, '-o', 'json']);
  if (code !== 0) return () => Promise.resolve();
  const { replicas } = replicasSchema.parse(JSON.parse(stdout)).spec;
  await mustRun(kubectl, ['scale', ...gateway, '--replicas=0']);
  return async () => {
    await mustRun(kubectl, ['scale', ...gateway, `--replicas=${replicas}`]);
  };
}

function everyObject(root: string): readonly KubeObject[] {
  const noKeys = { keys: [] };
  const documents = ['manifests/crd/ordersagas.yaml', 'manifests/operator/rbac.yaml'].flatMap((file) =>
    parseAllDocuments(readFileSync(join(root, file), 'utf8')).map((document): unknown => document.toJS()),
  );
  return [
    ...environmentNames.flatMap((name) => synthesize(name).flatMap(({ objects }) => objects)),
    ...[...documents, jwksConfigMap(noKeys), requestAuthentication(noKeys)].map((one) =>
      objectSchema.parse(one),
    ),
  ];
}

const objectSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().exactOptional() }),
});

const things =
  'deployments,statefulsets,daemonsets,jobs,cronjobs,pods,services,ingresses,configmaps,secrets,persistentvolumeclaims';

/** With the volumes in it; not when somebody else's things are in it, or Secrets that the site made. */
async function removeNamespace(
  kubectl: Kubectl,
  namespace: string,
  note: (line: string) => void,
): Promise<void> {
  const list: unknown = JSON.parse(await mustRun(kubectl, ['get', things, '-n', namespace, '-o', 'json']));
  const foreign = foreignThings(list, new Set(workloads.map(({ name }) => name)));
  if (foreign.length > 0) {
    note(
      `the namespace ${namespace} stays, it holds ${foreign.join(', ')}; kubectl delete namespace ${namespace} removes all that`,
    );
    return;
  }
  await mustRun(kubectl, ['delete', 'namespace', namespace, '--timeout=180s']);
  note(`the namespace ${namespace} is removed`);
}
