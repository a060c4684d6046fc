import { setTimeout as delay } from 'node:timers/promises';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import type { KindContext } from '../kind-context.ts';
import {
  diagnosePod,
  isRolledOut,
  lacksImage,
  nameOf,
  podListSchema,
  podsInTheWay,
  workloadListSchema,
} from '../rollout.ts';

const ours = ['-A', '-l', 'app.kubernetes.io/part-of=sagamesh', '-o', 'json'];

/** Until every Deployment and StatefulSet of ours runs as it was applied; a line for each as it becomes ready, and the reasons when one does not. */
export async function awaitRollout(
  { kubectl, note }: Pick<KindContext, 'kubectl' | 'note'>,
  timeoutSeconds: number,
): Promise<string> {
  const startedMillis = performance.now();
  const told = new Set<string>();
  const removed = new Set<string>();
  let withoutImage = 0;
  for (let first = true; ; first = false) {
    const text = await mustRun(kubectl, ['get', 'deployments,statefulsets', ...ours]);
    const { items } = workloadListSchema.parse(JSON.parse(text));
    const open = items.filter((workload) => !isRolledOut(workload));
    const seconds = Math.round((performance.now() - startedMillis) / 1_000);
    for (const workload of items.filter((one) => !open.includes(one) && !told.has(nameOf(one)))) {
      told.add(nameOf(workload));
      if (!first) note(`${nameOf(workload)} is ready after ${seconds} s`);
    }
    if (items.length > 0 && open.length === 0) return `${items.length} workloads ready`;
    const pods = podListSchema.parse(JSON.parse(await mustRun(kubectl, ['get', 'pods', ...ours]))).items;
    // An image that is not to be had does not come by waiting; one that is being fetched does.
    withoutImage = pods.some(lacksImage) ? withoutImage + 1 : 0;
    if (seconds >= timeoutSeconds || withoutImage >= looksWithoutImage) {
      const lines = [
        `not ready after ${seconds} s: ${open.map(nameOf).join(', ')}`,
        ...pods.flatMap(diagnosePod),
      ];
      throw new SetupError(lines.join('\n'));
    }
    for (const { metadata } of podsInTheWay(items, pods).filter((pod) => !removed.has(pod.metadata.uid))) {
      note(`${metadata.namespace}/${metadata.name} is of an older version and never became ready: deleted`);
      removed.add(metadata.uid);
      await kubectl(['delete', 'pod', '-n', metadata.namespace, metadata.name, '--wait=false']);
    }
    await delay(2_000);
  }
}

/** Two seconds and more apart, so the kubelet has tried several times. */
const looksWithoutImage = 30;
