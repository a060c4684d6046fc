import type { KubeObject } from '@sagamesh/charts/kube-object';
import { z } from 'zod';

/** What stands in the way of removing SagaMesh, and what there is to remove. Pure. */

const sagaListSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      status: z.object({ outcome: z.string().optional(), currentStep: z.string().optional() }).prefault({}),
    }),
  ),
});

/** Sagas without an outcome: some of their steps took effect, and nobody would finish or undo them. `namespace/name`, with the step. */
export function openSagas(list: unknown): readonly string[] {
  return sagaListSchema
    .parse(list)
    .items.filter(({ status }) => status.outcome === undefined)
    .map(({ metadata, status }) => {
      const step = status.currentStep === undefined ? 'not begun' : `at ${status.currentStep}`;
      return `${metadata.namespace}/${metadata.name} (${step})`;
    });
}

/** From `kubectl api-resources --no-headers`: `group/Kind` of everything that the cluster knows. The columns before are of any number. */
export function knownKinds(apiResources: string): ReadonlySet<string> {
  const kinds = apiResources
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length >= 4)
    .map((columns) => kindKey(columns.at(-3) ?? '', columns.at(-1) ?? ''));
  return new Set(kinds);
}

function kindKey(apiVersion: string, kind: string): string {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  return `${group}/${kind}`;
}

/** Each object once, whichever environment it was installed from; namespaces are judged apart, by what else is in them. */
export function objectsToRemove(
  installed: readonly KubeObject[],
  known: ReadonlySet<string>,
): readonly Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>[] {
  const byName = new Map(
    installed
      .filter(({ apiVersion, kind }) => kind !== 'Namespace' && known.has(kindKey(apiVersion, kind)))
      .map(({ apiVersion, kind, metadata: { name, namespace } }) => [
        `${kindKey(apiVersion, kind)} ${namespace ?? ''}/${name}`,
        { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } },
      ]),
  );
  return [...byName.values()];
}

const thingListSchema = z.object({
  items: z.array(
    z.object({
      kind: z.string(),
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
    }),
  ),
});

/** Kubernetes and Istio put these into every namespace. */
const everywhere = /^(kube-root-ca\.crt|istio-ca-(root-cert|crl))$/;

/**
 * What somebody else put into a namespace of ours: as long as it is there, the namespace stays. Claims of a StatefulSet have no label but
 * `app`, which the controller gives them.
 */
export function foreignThings(list: unknown, ourApps: ReadonlySet<string>): readonly string[] {
  return thingListSchema
    .parse(list)
    .items.filter(({ kind, metadata: { name, labels } }) => {
      if (labels['app.kubernetes.io/part-of'] === 'sagamesh') return false;
      if (kind === 'ConfigMap') return !everywhere.test(name);
      return kind !== 'PersistentVolumeClaim' || !ourApps.has(labels['app'] ?? '');
    })
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}
