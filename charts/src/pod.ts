import { k8s } from 'cdk8s-plus-27';
import type { Resources } from './environment.ts';
import { projectVersion } from './images.ts';
import type { Component, Port, WorkloadName } from './topology.ts';

/** The parts that all our pods share: labels, and a security context that the level `restricted` of Pod Security accepts. */

/** Not one of the user ids that images or hosts give out, and not 1337, which is the sidecar's. */
export const podUser = 10_001;

export interface LabelledWorkload {
  readonly name: WorkloadName;
  readonly component: Component;
}

export function labelsOf({ name, component }: LabelledWorkload): Record<string, string> {
  return {
    app: name,
    version: 'v1',
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/version': projectVersion,
    'app.kubernetes.io/part-of': 'sagamesh',
    'app.kubernetes.io/component': component,
  };
}

function podSecurityContext(): k8s.PodSecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: podUser,
    runAsGroup: podUser,
    fsGroup: podUser,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** Of every pod that is ours: an account of its own without a token, no addresses of others in its environment, half a minute to end. */
export function podBasics(serviceAccountName: WorkloadName): Omit<k8s.PodSpec, 'containers'> {
  return {
    serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: podSecurityContext(),
  };
}

export function containerSecurityContext(): k8s.SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
  };
}

/** Logs, /tmp and what else a pod writes beside its volumes: a runaway must not fill the node. */
const scratch = { request: '32Mi', limit: '512Mi' } as const;

export function resourcesOf(resources: Resources): k8s.ResourceRequirements {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = resources;
  const quantity = (text: string) => k8s.Quantity.fromString(text);
  return {
    requests: {
      cpu: quantity(cpuRequest),
      memory: quantity(memoryRequest),
      'ephemeral-storage': quantity(scratch.request),
    },
    limits: {
      cpu: quantity(cpuLimit),
      memory: quantity(memoryLimit),
      'ephemeral-storage': quantity(scratch.limit),
    },
  };
}

export function containerPorts(ports: readonly Port[]): k8s.ContainerPort[] {
  return ports.map(({ name, number }) => ({ name, containerPort: number, protocol: 'TCP' }));
}

export function portNamed(name: string): k8s.IntOrString {
  return k8s.IntOrString.fromString(name);
}

export interface ProbePaths {
  readonly port: string;
  readonly ready: string;
  readonly live: string;
}

/**
 * A start may take two minutes (migrations, a broker that comes up later). After that, a process that does not answer for a minute starts again: not
 * sooner, because on a node that is short of CPU restarts are what it can bear least.
 */
export function httpProbes({
  port,
  ready,
  live,
}: ProbePaths): Pick<k8s.Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> {
  const get = (path: string) => ({ httpGet: { path, port: portNamed(port) }, timeoutSeconds: 3 });
  return {
    startupProbe: { ...get(live), periodSeconds: 2, failureThreshold: 60 },
    readinessProbe: { ...get(ready), periodSeconds: 5, failureThreshold: 2 },
    livenessProbe: { ...get(live), timeoutSeconds: 5, periodSeconds: 10, failureThreshold: 6 },
  };
}

/** Replicas prefer different nodes and zones, and still start where there is only one. */
export function spread(name: WorkloadName): Pick<k8s.PodSpec, 'affinity' | 'topologySpreadConstraints'> {
  const labelSelector = { matchLabels: { app: name } };
  return {
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { labelSelector, topologyKey: 'kubernetes.io/hostname' } },
        ],
      },
    },
    topologySpreadConstraints: [
      {
        labelSelector,
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
      },
    ],
  };
}

/** What the injector reads: the sidecar starts before the application and ends after it, and takes no more than it needs. */
export function sidecarAnnotations(sidecar: Resources): Record<string, string> {
  return {
    'proxy.istio.io/config': '{"holdApplicationUntilProxyStarts":true}',
    'sidecar.istio.io/nativeSidecar': 'true',
    'sidecar.istio.io/proxyCPU': sidecar.cpuRequest,
    'sidecar.istio.io/proxyCPULimit': sidecar.cpuLimit,
    'sidecar.istio.io/proxyMemory': sidecar.memoryRequest,
    'sidecar.istio.io/proxyMemoryLimit': sidecar.memoryLimit,
  };
}

/** A value from a Secret that somebody else makes. */
export function fromSecret(variable: string, secretName: string, key: string): k8s.EnvVar {
  return { name: variable, valueFrom: { secretKeyRef: { name: secretName, key } } };
}
