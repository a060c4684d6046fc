import { z } from 'zod';
import { objectId, type ManifestObject, type ManifestSet } from './manifest-object.ts';

/** What an API server needs before it can judge, and what controllers would make of manifests. Pure. */

/** Kinds of add-ons whose definition we do not have. */
const kindsWithoutCrd: ReadonlySet<string> = new Set(['ServiceMonitor']);

export function withoutCrd({ kind }: ManifestObject): boolean {
  return kindsWithoutCrd.has(kind);
}

/** Namespaces, made or only named, each with the service account that a controller would make in it. */
export function prerequisitesOf(objects: readonly ManifestObject[]): readonly ManifestObject[] {
  const made = objects.filter(({ kind }) => kind === 'Namespace');
  const names = new Set([
    ...made.map(({ metadata }) => metadata.name),
    ...objects.flatMap(({ metadata }) => metadata.namespace ?? []),
  ]);
  const named = [...names].filter((name) => !made.some(({ metadata }) => metadata.name === name));
  return [
    ...made,
    ...named.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...[...names].map((namespace) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace },
    })),
  ];
}

const workloadSchema = z.object({
  spec: z.object({
    template: z.object({
      metadata: z.looseObject({}).optional(),
      spec: z.looseObject({ containers: z.array(z.unknown()), volumes: z.array(z.unknown()).optional() }),
    }),
    volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })).optional(),
  }),
});

export interface TemplatePod {
  readonly ownerId: string;
  readonly pod: ManifestObject;
}

/** The Pods of Deployments, StatefulSets and the like, one each. */
export function podsOf(set: ManifestSet): readonly TemplatePod[] {
  return set.objects.flatMap((object) => {
    const workload = workloadSchema.safeParse(object);
    if (!workload.success) return [];
    const { template, volumeClaimTemplates } = workload.data.spec;
    const { metadata, spec } = template;
    const { name, namespace } = object.metadata;
    const claims = (volumeClaimTemplates ?? []).map((claim) => ({
      name: claim.metadata.name,
      persistentVolumeClaim: { claimName: `${claim.metadata.name}-${name}-0` },
    }));
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name: `${name}-0`, namespace: namespace ?? 'default' },
      spec: { ...spec, volumes: [...(spec.volumes ?? []), ...claims] },
    };
    return [{ ownerId: objectId(set, object), pod }];
  });
}
