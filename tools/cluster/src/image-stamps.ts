import type { KubeObject } from '@sagamesh/charts/kube-object';
import { z } from 'zod';

/**
 * Our images are built again under the same tag, and a Deployment that names the same tag does not change. So its pods carry what the tag
 * stands for: other content makes other pods, the same leaves them alone. Pure.
 */

const annotation = 'sagamesh.dev/image-id';

const podTemplateSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).optional() }).optional(),
  spec: z.looseObject({ containers: z.array(z.looseObject({ image: z.string() })) }),
});
const workloadSchema = z.looseObject({ template: podTemplateSchema });

/** `idOf`: undefined for images that are not ours. */
export function withImageStamps(object: KubeObject, idOf: (image: string) => string | undefined): KubeObject {
  if (object.kind !== 'Deployment' && object.kind !== 'StatefulSet') return object;
  const workload = workloadSchema.parse(object.spec);
  const { template } = workload;
  const ids = template.spec.containers.flatMap(({ image }) => idOf(image) ?? []);
  if (ids.length === 0) return object;
  const annotations = { ...template.metadata?.annotations, [annotation]: ids.join(',') };
  return {
    ...object,
    spec: { ...workload, template: { ...template, metadata: { ...template.metadata, annotations } } },
  };
}
