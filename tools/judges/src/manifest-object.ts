import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';

/** Kubernetes objects out of YAML, and how findings name them. Pure. */

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

export type ManifestObject = z.infer<typeof objectSchema>;

/** Manifests that are applied together. */
export interface ManifestSet {
  readonly name: string;
  readonly objects: readonly ManifestObject[];
}

/** Throws, naming the source, at the first document that is no Kubernetes object. */
export function readObjects(yaml: string, source: string): readonly ManifestObject[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const broken = document.errors[0];
    if (broken !== undefined) throw new Error(`${source}: ${broken.message}`);
    const value: unknown = document.toJS();
    if (value === null) return [];
    const parsed = objectSchema.safeParse(value);
    if (!parsed.success) throw new Error(`${source}: ${z.prettifyError(parsed.error)}`);
    return [parsed.data];
  });
}

/** `Deployment/shop/order`, whatever set it is in. */
export function objectKey({ kind, metadata }: ManifestObject): string {
  return `${kind}/${metadata.namespace ?? '-'}/${metadata.name}`;
}

export function objectId(set: ManifestSet, object: ManifestObject): string {
  return `${set.name}/${objectKey(object)}`;
}

/** As YAML 1.1, which most judges read: there, an unquoted `on` is a boolean. */
export function yamlOf(object: object): string {
  return stringify(object, { version: '1.1', lineWidth: 0 });
}

/** A file per object, so that whatever a judge says of a file it says of an object. */
export interface ObjectFile {
  /** `017-Deployment-order.yaml` */
  readonly fileName: string;
  readonly objectId: string;
  readonly object: ManifestObject;
  readonly text: string;
}

export function objectFilesOf(set: ManifestSet): readonly ObjectFile[] {
  return set.objects.map((object, index) => ({
    fileName: `${String(index).padStart(3, '0')}-${object.kind}-${object.metadata.name}.yaml`,
    objectId: objectId(set, object),
    object,
    text: yamlOf(object),
  }));
}

/** Whose file a report speaks of; it may name it with any folders before it. */
export function objectOfFile(files: readonly ObjectFile[], reported: string): string {
  const name = reported.split('/').at(-1);
  return files.find(({ fileName }) => fileName === name)?.objectId ?? `?/${reported}`;
}

/** An object that is in a file of `manifests/` and in none of the sets would not be judged: those. */
export function unjudged(sets: readonly ManifestSet[], all: readonly ManifestObject[]): readonly string[] {
  const known = new Set(sets.flatMap(({ objects }) => objects.map(objectKey)));
  return all.map(objectKey).filter((key) => !known.has(key));
}
