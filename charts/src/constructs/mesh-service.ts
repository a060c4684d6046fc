import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { Resources } from '../environment.ts';
import type { NetworkSurroundings } from '../network-rules.ts';
import {
  containerPorts,
  containerSecurityContext,
  httpProbes,
  labelsOf,
  podBasics,
  resourcesOf,
  sidecarAnnotations,
  spread,
  type ProbePaths,
} from '../pod.ts';
import type { Workload } from '../topology.ts';
import { WorkloadFrame } from './workload-frame.ts';

export interface Mount {
  readonly path: string;
  readonly volume: k8s.Volume;
  /** Default true. */
  readonly readOnly?: boolean;
}

export interface MeshServiceProps {
  readonly workload: Workload;
  readonly surroundings: NetworkSurroundings;
  readonly image: string;
  readonly env: readonly k8s.EnvVar[];
  readonly probes: ProbePaths;
  readonly replicas: number;
  /** More than `replicas`: scaled by CPU. */
  readonly replicasMax?: number;
  readonly resources: Resources;
  readonly sidecar: Resources;
  readonly mounts?: readonly Mount[];
  readonly serviceAccount?: boolean;
  /** `Recreate` for a process that alone owns its volume. */
  readonly strategy?: 'RollingUpdate' | 'Recreate';
}

/** One of our processes as a Deployment, with everything that a workload has around it. */
export class MeshService extends Construct {
  constructor(scope: Construct, id: string, props: MeshServiceProps) {
    super(scope, id);
    const { workload, replicas, replicasMax } = props;
    const { name, namespace } = workload;
    const labels = labelsOf(workload);
    const scaled = replicasMax !== undefined && replicasMax > replicas;
    new WorkloadFrame(this, 'frame', {
      workload,
      surroundings: props.surroundings,
      replicas,
      ...(props.serviceAccount !== undefined && { serviceAccount: props.serviceAccount }),
    });
    new k8s.KubeDeployment(this, 'deployment', {
      metadata: { name, namespace, labels },
      spec: {
        // The scaler owns the number, or every apply would take its pods away.
        ...(scaled ? {} : { replicas }),
        revisionHistoryLimit: 3,
        selector: { matchLabels: { app: name } },
        strategy: strategyOf(props.strategy),
        template: {
          metadata: {
            labels,
            ...(props.surroundings.mesh && { annotations: podAnnotations(props) }),
          },
          spec: podSpec(props),
        },
      },
    });
    if (scaled) addScaler(this, { workload, replicas, replicasMax });
  }
}

function podSpec(props: MeshServiceProps): k8s.PodSpec {
  const { workload, mounts = [] } = props;
  return {
    ...podBasics(workload.name),
    ...spread(workload.name),
    containers: [
      {
        name: workload.name,
        image: props.image,
        imagePullPolicy: 'IfNotPresent',
        ports: containerPorts(workload.ports),
        env: [...props.env],
        resources: resourcesOf(props.resources),
        securityContext: containerSecurityContext(),
        ...httpProbes(props.probes),
        volumeMounts: [
          { name: 'tmp', mountPath: '/tmp' },
          ...mounts.map(({ path, volume, readOnly = true }) => ({
            name: volume.name,
            mountPath: path,
            readOnly,
          })),
        ],
      },
    ],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: k8s.Quantity.fromString('64Mi') } },
      ...mounts.map(({ volume }) => volume),
    ],
  };
}

/** The sidecar's agent takes the application's metrics along with Envoy's; an unmeshed scraper could not reach them. */
function podAnnotations({ sidecar, workload, probes }: MeshServiceProps): Record<string, string> {
  const port = workload.ports.find(({ name }) => name === probes.port);
  if (workload.component === 'outside') return sidecarAnnotations(sidecar);
  return {
    ...sidecarAnnotations(sidecar),
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(port?.number),
    'prometheus.io/path': '/metrics',
  };
}

function strategyOf(type: MeshServiceProps['strategy'] = 'RollingUpdate'): k8s.DeploymentStrategy {
  if (type === 'Recreate') return { type };
  const pods = (count: number) => k8s.IntOrString.fromNumber(count);
  // Never less than all: one replica is replaced after its successor is ready.
  return { type, rollingUpdate: { maxUnavailable: pods(0), maxSurge: pods(1) } };
}

function addScaler(
  scope: Construct,
  bounds: { readonly workload: Workload; readonly replicas: number; readonly replicasMax: number },
): void {
  const { name, namespace } = bounds.workload;
  new k8s.KubeHorizontalPodAutoscalerV2(scope, 'scaler', {
    metadata: { name, namespace, labels: labelsOf(bounds.workload) },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: bounds.replicas,
      maxReplicas: bounds.replicasMax,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
    },
  });
}
