import { describe, expect, it } from 'vitest';
import {
  diagnosePod,
  isRolledOut,
  lacksImage,
  podListSchema,
  podsInTheWay,
  workloadListSchema,
} from './rollout.ts';

const workload = (status: object, replicas = 2) => {
  const item = {
    kind: 'Deployment',
    metadata: { name: 'order', namespace: 'shop', generation: 3 },
    spec: { replicas },
    status,
  };
  const [parsed] = workloadListSchema.parse({ items: [item] }).items;
  if (parsed === undefined) throw new Error('no workload');
  return parsed;
};
const done = { observedGeneration: 3, updatedReplicas: 2, readyReplicas: 2, replicas: 2 };

const diagnose = (status: object) => {
  const [pod] = podListSchema.parse({
    items: [{ metadata: { name: 'order-1', namespace: 'shop' }, status }],
  }).items;
  return pod === undefined ? [] : diagnosePod(pod);
};
const container = (state: object, more: object = {}) => ({
  name: 'order',
  image: 'sagamesh/order:0.1.0',
  ready: false,
  restartCount: 2,
  state,
  ...more,
});

describe('a workload', () => {
  it('is rolled out when all of its last version is ready', () => {
    expect(isRolledOut(workload(done))).toBe(true);
    expect(isRolledOut(workload({}, 0))).toBe(false);
    expect(isRolledOut(workload({ observedGeneration: 3 }, 0))).toBe(true);
  });

  it.each([
    ['nobody has looked at the last change', { ...done, observedGeneration: 2 }],
    ['a replica is of an older version', { ...done, updatedReplicas: 1 }],
    ['a replica is not ready', { ...done, readyReplicas: 1 }],
    ['an old replica is left', { ...done, replicas: 3 }],
    ['nothing is known', {}],
  ])('is not while %s', (_what, status) => {
    expect(isRolledOut(workload(status))).toBe(false);
  });
});

describe('a pod that is not ready', () => {
  it.each<[string, object, string]>([
    [
      'has no image',
      { phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ImagePullBackOff' } })] },
      'order has no image sagamesh/order:0.1.0',
    ],
    [
      'ends again and again',
      {
        phase: 'Running',
        containerStatuses: [
          container(
            { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
            { lastState: { terminated: { exitCode: 2, reason: 'Error' } } },
          ),
        ],
      },
      'last ended with exit code 2',
    ],
    [
      'is not ready',
      { phase: 'Running', containerStatuses: [container({ running: {} })] },
      'runs but is not ready (2 restarts)',
    ],
    [
      'fits nowhere',
      { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes' }] },
      'fits no node: 0/1 nodes',
    ],
    ['says nothing', { phase: 'Pending' }, 'no container says why'],
  ])('is named when it %s', (_what, status, line) => {
    expect(diagnose(status)).toEqual([expect.stringContaining(line)]);
  });

  it('is not named when it is ready after all', () => {
    const ready = {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [container({ running: {} })],
    };
    expect(diagnose(ready)).toEqual([]);
  });

  it('lacks an image only when the kubelet has asked for it in vain', () => {
    const lacks = (reason: string) => {
      const status = { phase: 'Pending', containerStatuses: [container({ waiting: { reason } })] };
      return podListSchema
        .parse({ items: [{ metadata: { name: 'order-1', namespace: 'shop' }, status }] })
        .items.some(lacksImage);
    };
    expect(['ErrImagePull', 'ImagePullBackOff', 'ContainerCreating', 'CrashLoopBackOff'].map(lacks)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('a StatefulSet that was given a bad version', () => {
  const set = {
    kind: 'StatefulSet',
    metadata: { name: 'order-db', namespace: 'shop' },
    spec: { replicas: 1 },
    status: { updateRevision: 'order-db-2' },
  };
  const pod = (revision: string, ready: boolean) => ({
    metadata: {
      name: 'order-db-0',
      namespace: 'shop',
      labels: { app: 'order-db', 'controller-revision-hash': revision },
    },
    status: { phase: 'Pending', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });

  it.each([
    ['order-db-1', false, 1, 'it would wait for it for ever'],
    ['order-db-1', true, 0, 'its controller exchanges it'],
    ['order-db-2', false, 0, 'it is what was asked for'],
  ])('has a pod of %s (ready: %s) in the way %i times: %s', (revision, ready, count) => {
    const workloads = workloadListSchema.parse({ items: [set] }).items;
    const pods = podListSchema.parse({ items: [pod(revision, ready)] }).items;
    expect(podsInTheWay(workloads, pods)).toHaveLength(count);
  });
});
