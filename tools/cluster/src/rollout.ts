import { z } from 'zod';

/** Reads from the API server's JSON whether workloads run, and why they do not. Pure. */

const workloadSchema = z.object({
  kind: z.enum(['Deployment', 'StatefulSet']),
  metadata: z.object({ name: z.string(), namespace: z.string(), generation: z.number().optional() }),
  spec: z.object({ replicas: z.number().default(1) }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      updatedReplicas: z.number().default(0),
      readyReplicas: z.number().default(0),
      replicas: z.number().default(0),
      /** Of a StatefulSet: what its pods should be of. */
      updateRevision: z.string().optional(),
    })
    .prefault({}),
});

export const workloadListSchema = z.object({ items: z.array(workloadSchema) });
export type WorkloadView = z.infer<typeof workloadSchema>;

export function nameOf({ metadata: { namespace, name } }: WorkloadView): string {
  return `${namespace}/${name}`;
}

/** All replicas are of the last version and ready, and none of an older version is left. */
export function isRolledOut({ metadata, spec, status }: WorkloadView): boolean {
  if (metadata.generation !== undefined && status.observedGeneration < metadata.generation) return false;
  return (
    status.updatedReplicas >= spec.replicas &&
    status.readyReplicas >= spec.replicas &&
    status.replicas === spec.replicas
  );
}

const stateSchema = z
  .object({
    waiting: z.object({ reason: z.string().default(''), message: z.string().default('') }).optional(),
    terminated: z.object({ exitCode: z.number(), reason: z.string().default('') }).optional(),
    running: z.unknown().optional(),
  })
  .prefault({});

const containerStatusSchema = z.object({
  name: z.string(),
  image: z.string().default(''),
  ready: z.boolean(),
  restartCount: z.number(),
  state: stateSchema,
  lastState: stateSchema,
});

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string().default(''),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  status: z.object({
    phase: z.string(),
    conditions: z
      .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
      .default([]),
    initContainerStatuses: z.array(containerStatusSchema).default([]),
    containerStatuses: z.array(containerStatusSchema).default([]),
  }),
});

export const podListSchema = z.object({ items: z.array(podSchema) });
export type PodView = z.infer<typeof podSchema>;

/**
 * Pods that keep a StatefulSet from being repaired: not ready and of an older version. Its controller waits for them to become ready before it
 * makes better ones (kubernetes/kubernetes#67250), so somebody has to delete them.
 */
export function podsInTheWay(
  workloads: readonly WorkloadView[],
  pods: readonly PodView[],
): readonly PodView[] {
  return pods.filter(({ metadata, status }) => {
    const revision = metadata.labels['controller-revision-hash'];
    const owner = workloads.find(
      (one) =>
        one.kind === 'StatefulSet' &&
        one.metadata.namespace === metadata.namespace &&
        one.metadata.name === metadata.labels['app'],
    );
    const wanted = owner?.status.updateRevision;
    return revision !== undefined && wanted !== undefined && revision !== wanted && !isReady(status);
  });
}

function isReady({ conditions }: PodView['status']): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** One line per thing that keeps a pod from being ready; empty when it is. */
export function diagnosePod(pod: PodView): readonly string[] {
  const { phase, conditions } = pod.status;
  const statuses = [...pod.status.initContainerStatuses, ...pod.status.containerStatuses];
  if (isReady(pod.status) || phase === 'Succeeded') return [];
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) return [`${name} fits no node: ${unscheduled.message ?? 'no reason given'}`];
  const lines = statuses.flatMap((status) => diagnoseContainer(status).map((line) => `${name}: ${line}`));
  return lines.length > 0 ? lines : [`${name} is ${phase}, and no container says why`];
}

function isWithoutImage({ state }: z.infer<typeof containerStatusSchema>): boolean {
  return /ImagePull|ErrImage|InvalidImage/.test(state.waiting?.reason ?? '');
}

/** The kubelet has asked for an image in vain. While it asks, it says something else. */
export function lacksImage({ status }: PodView): boolean {
  return [...status.initContainerStatuses, ...status.containerStatuses].some(isWithoutImage);
}

function diagnoseContainer(status: z.infer<typeof containerStatusSchema>): readonly string[] {
  const { name, image, ready, restartCount, state, lastState } = status;
  const { waiting } = state;
  if (waiting !== undefined && isWithoutImage(status)) {
    return [`${name} has no image ${image} (${waiting.reason})`];
  }
  if (
    waiting !== undefined &&
    waiting.reason !== 'PodInitializing' &&
    waiting.reason !== 'ContainerCreating'
  ) {
    const ended = lastState.terminated;
    const end = ended === undefined ? '' : `, last ended with exit code ${ended.exitCode} ${ended.reason}`;
    return [`${name} waits: ${waiting.reason} ${waiting.message}${end}`.trim()];
  }
  if (waiting !== undefined) return waiting.message === '' ? [] : [`${name} waits: ${waiting.message}`];
  if (ready || state.running === undefined) return [];
  return [`${name} runs but is not ready (${restartCount} restarts)`];
}
