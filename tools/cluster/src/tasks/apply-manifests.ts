import { join } from 'node:path';
import { synthesize } from '@sagamesh/charts/synthesize';
import { imagesOf } from '@sagamesh/charts/images';
import type { KubeObject } from '@sagamesh/charts/kube-object';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { withImageStamps } from '../image-stamps.ts';
import type { KindContext } from '../kind-context.ts';
import { imageBuilds } from '../project-images.ts';
import { listOf } from './make-secrets.ts';
import { imageId } from './supply-images.ts';

/** The environment `kind` of the charts, with the images of this site. */

export function kindObjects({ images }: Pick<KindContext, 'images'>): readonly KubeObject[] {
  return synthesize('kind', images).flatMap(({ objects }) => objects);
}

export async function applyNamespaces(context: KindContext): Promise<string> {
  const namespaces = kindObjects(context).filter(({ kind }) => kind === 'Namespace');
  await mustRun(context.kubectl, ['apply', '-f', '-'], listOf(namespaces));
  return namespaces.map(({ metadata }) => metadata.name).join(', ');
}

export async function applyManifests(context: KindContext): Promise<string> {
  const { kubectl, root } = context;
  const folder = (name: string) => join(root, 'manifests', name);
  await mustRun(kubectl, ['apply', '-f', join(folder('crd'), 'ordersagas.yaml')]);
  const established = [
    'wait',
    '--for=condition=Established',
    '--timeout=180s',
    'crd/ordersagas.sagamesh.dev',
  ];
  await mustRun(kubectl, established);
  await mustRun(kubectl, ['apply', '-f', join(folder('operator'), 'rbac.yaml')]);
  const ids = new Map<string, string | undefined>();
  for (const { image } of imageBuilds(imagesOf(context.images)))
    ids.set(image, await imageId(context, image));
  const objects = kindObjects(context).map((object) => withImageStamps(object, (image) => ids.get(image)));
  const said = await mustRun(kubectl, ['apply', '-f', '-'], listOf(objects));
  // Not "configured": kubectl says that of every PodDisruptionBudget, changed or not.
  const made = said.split('\n').filter((line) => line.endsWith(' created')).length;
  return `${objects.length} objects, ${made} new`;
}
